"""`python -m tests.native.sanitized LIBRARY [pytest arguments]`: pytest with that library as ringfence._native."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

import ringfence


def load(library: Path) -> None:
    """Import the library in place of the installed module, before anybody asks for that."""
    spec = importlib.util.spec_from_file_location("ringfence._native", library)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["ringfence._native"] = module
    spec.loader.exec_module(module)
    ringfence._native = module  # type: ignore[attr-defined]

    from ringfence import compiled
    from ringfence.sip.message import parse

    assert compiled.NATIVE and parse is module.parse


if __name__ == "__main__":
    load(Path(sys.argv[1]))
    sys.exit(pytest.main(sys.argv[2:]))
