"""The SIP process and the seam of the index never pay for SQLAlchemy."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "modules", ["ringfence.daemon, ringfence.runner", "ringfence.registry.feed", "ringfence.cli.app"]
)
def test_nothing_of_the_database_is_imported(modules: str) -> None:
    heavy = ("sqlalchemy", "alembic", "aiosqlite", "asyncpg", "cryptography")
    code = f"import sys; import {modules}; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
