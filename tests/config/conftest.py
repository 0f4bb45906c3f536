from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

MINIMAL = """\
listeners:
  - {name: udp, transport: udp, bind: "127.0.0.1:5060"}
gateways:
  default:
    targets:
      - uri: sip:127.0.0.1:5080
"""

WriteConfig = Callable[[str], Path]


@pytest.fixture
def config(tmp_path: Path) -> WriteConfig:
    """Writes a configuration file: MINIMAL and what is added to it; `write(text)` gives its path."""

    def write(more: str = "") -> Path:
        path = tmp_path / "ringfence.yaml"
        path.write_text(MINIMAL + more)
        return path

    return write
