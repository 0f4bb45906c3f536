"""The header index that this process works with: the compiled one where there is one, else its twin."""

from ringfence.compiled import NATIVE

if NATIVE:
    from ringfence._native import HeaderIndex
else:
    from ringfence.sip.index import HeaderIndex

__all__ = ["HeaderIndex"]
