"""The process that keeps the index up to date: its command line, made by the daemon."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def arguments(config: Path) -> list[str]:
    """The command line for a daemon with this configuration; it ends with the daemon."""
    return [sys.executable, "-m", "ringfence", "index", "follow", "--config", str(config), "--parent", str(os.getpid())]
