"""`python -m tests.native.sanitized FOLDER [pytest arguments]`: pytest with FOLDER's libraries as the C twins."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

import ringfence


def load(library: Path) -> None:
    """Import the library in place of the installed module of its name, before anybody asks for that."""
    name = f"ringfence.{library.stem}"
    spec = importlib.util.spec_from_file_location(name, library)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    setattr(ringfence, library.stem, module)


def check() -> None:
    """The rooms took what was loaded."""
    from ringfence import _ledger, _native, compiled
    from ringfence.ledger import chosen
    from ringfence.sip.message import parse

    assert compiled.NATIVE and parse is _native.parse
    assert chosen.flatten is _ledger.flatten
    assert Path(_ledger.__file__).parent == Path(_native.__file__).parent == Path(sys.argv[1])


if __name__ == "__main__":
    for found in sorted(Path(sys.argv[1]).glob("*.so")):
        load(found)
    check()
    sys.exit(pytest.main(sys.argv[2:]))
