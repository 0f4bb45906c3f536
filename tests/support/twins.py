"""The compiled twins beside the pure ones, for tests that run with both."""

from __future__ import annotations

from typing import Any

import pytest


def both(pure: Any) -> list[Any]:
    """Parameters: the pure twin, and the compiled one of its name without `_pure` or `Pure`."""
    try:
        from ringfence import _native
    except ImportError:
        missing = pytest.mark.skip(reason="ringfence._native is not built: no C compiler")
        return [pytest.param(pure, id="pure"), pytest.param(None, id="native", marks=missing)]
    return [
        pytest.param(pure, id="pure"),
        pytest.param(getattr(_native, pure.__name__.removesuffix("_pure").removesuffix("Pure")), id="native"),
    ]
