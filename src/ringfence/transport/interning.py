"""One object per far end, in a table with a bound."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Interned(Generic[K, V]):
    """Two generations of keys: an approximate LRU that costs one dict look-up where it matters.

    A table that is full becomes the old generation and a new one begins; what is still asked for moves over.
    So at most `limit` entries are held, and a flood of forged sources pushes out only those who are silent.
    The hot path may read `young` itself and call `find` on a miss.
    """

    __slots__ = ("_half", "_old", "limit", "young")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._half = max(1, limit // 2)
        self.young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self.young) + len(self._old)

    def find(self, key: K) -> V | None:
        """The value held for `key`, moved to the young generation; None where there is none."""
        value = self.young.get(key)
        if value is None:
            value = self._old.pop(key, None)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Hold `value`; the oldest generation goes when the table is full."""
        if len(self.young) >= self._half:
            self._old = self.young
            self.young = {}
        self.young[key] = value

    def drop(self, key: K) -> None:
        """Forget `key`; nothing happens where it is not held."""
        self.young.pop(key, None)
        self._old.pop(key, None)
