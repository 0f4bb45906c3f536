"""What this process works with: the compiled twins where there are some, else the pure ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from ringfence.compiled import NATIVE

if NATIVE:
    from ringfence import _native
    from ringfence._native import HeaderIndex
else:
    from ringfence.sip.index import HeaderIndex

__all__ = ["HeaderIndex", "chosen", "chosen_parse"]

Function = TypeVar("Function", bound=Callable[..., Any])


def chosen(name: str, pure: Function) -> Function:
    """`pure`, or its compiled twin of that name."""
    return cast(Function, getattr(_native, name)) if NATIVE else pure


def chosen_parse(request: type, response: type, via: type, pure: Function) -> Function:
    """`pure`, or the compiled parser: it makes the same objects of what is plain and leaves the rest to `pure`."""
    if NATIVE:
        _native.learn(request, response, via, pure)
    return chosen("parse", pure)
