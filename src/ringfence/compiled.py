"""Whether the compiled twins are in use: one answer for the whole process.

`ringfence._native` and `ringfence._ledger` are built where there is a compiler. RINGFENCE_PURE=1 in the environment
leaves them aside.
"""

from __future__ import annotations

import os
from importlib import import_module


def usable(name: str) -> bool:
    """Whether a compiled module is wanted and loads."""
    if os.environ.get("RINGFENCE_PURE") == "1":
        return False
    try:
        import_module(name)
    except ImportError:
        return False
    return True


NATIVE = usable("ringfence._native")
