"""What this process works with: the compiled header index and parser where there are some, else their twins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from ringfence.compiled import NATIVE

if NATIVE:
    from ringfence import _native
    from ringfence._native import HeaderIndex
else:
    from ringfence.sip.index import HeaderIndex

__all__ = ["HeaderIndex", "chosen_parse"]

Parse = TypeVar("Parse", bound=Callable[[bytes], Any])


def chosen_parse(request: type, response: type, via: type, pure: Parse) -> Parse:
    """`pure`, or the compiled parser: it makes the same objects of what is plain and leaves the rest to `pure`."""
    if not NATIVE:
        return pure
    _native.learn(request, response, via, pure)
    return cast(Parse, _native.parse)
