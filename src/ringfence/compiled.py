"""What of the call path is compiled: one answer for the whole process.

`ringfence._native` and `ringfence._ledger`, twins in C of a few pure-Python functions, are built where there is a
compiler; RINGFENCE_PURE=1 in the environment leaves them aside. The rooms that every message walks through are compiled
by mypyc when the package is installed, not when it is installed editable (setup.py lists them).
"""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec


def usable(name: str) -> bool:
    """Whether a compiled module is wanted and loads."""
    if os.environ.get("RINGFENCE_PURE") == "1":
        return False
    try:
        import_module(name)
    except ImportError:
        return False
    return True


def _compiled_rooms() -> bool:
    found = find_spec("ringfence.transaction.timers")  # any module of setup.py's list: they are built together
    return found is not None and found.origin is not None and not found.origin.endswith(".py")


NATIVE = usable("ringfence._native")
ROOMS = _compiled_rooms()


def extent() -> str:
    """For people: what this process runs on."""
    parts = [name for name, there in (("compiled rooms", ROOMS), ("C twins", NATIVE)) if there]
    return " and ".join(parts) or "pure Python"
