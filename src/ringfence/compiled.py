"""Whether the compiled twins are in use: one answer for the whole process.

`ringfence._native` is built where there is a compiler. RINGFENCE_PURE=1 in the environment leaves it aside.
"""

from __future__ import annotations

import os


def _usable() -> bool:
    if os.environ.get("RINGFENCE_PURE") == "1":
        return False
    try:
        import ringfence._native  # noqa: F401 (whether it loads is the question)
    except ImportError:
        return False
    return True


NATIVE = _usable()
