"""What an operator does to the store by hand: scores. Through redis-py, off the call path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

from ringfence.lookups.clients import client_of, told
from ringfence.lookups.errors import StoreError
from ringfence.lookups.keys import Keys
from ringfence.lookups.resp import Place

_PART = 1000  # members of one SADD or SREM


class Admin:
    """Reads and writes the very keys that the call path asks for. Every method raises StoreError."""

    def __init__(self, place: Place, keys: Keys) -> None:
        self._keys = keys
        self._redis: Any = client_of(place)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._redis.close()

    def score_set(self, number: str, points: float, seconds: int) -> None:
        """Give a caller a score, 0..100, for `seconds`."""
        if not 0 <= points <= 100 or seconds < 1:
            raise StoreError("a score is 0 to 100 and lasts a second at least")
        with told():
            self._redis.set(self._keys.score(self._keys.digest(number)), f"{points:g}", ex=seconds)

    def score_show(self, number: str) -> tuple[float, int] | None:
        """A caller's score and the seconds it has left, None without one. Raises StoreError, also for what is none."""
        with told():
            key = self._keys.score(self._keys.digest(number))
            value: bytes | None = self._redis.get(key)
            left = int(self._redis.ttl(key))
        try:
            return None if value is None else (float(value), left)
        except ValueError:
            raise StoreError("what the store keeps as this caller's score is no number") from None

    def roaming_add(self, numbers: Sequence[str]) -> int:
        """Record subscribers as abroad; how many were not yet."""
        with told():
            return sum(int(self._redis.sadd(self._keys.roaming(), *part)) for part in self._parts(numbers))

    def roaming_remove(self, numbers: Sequence[str]) -> int:
        """Record subscribers as back; how many were abroad."""
        with told():
            return sum(int(self._redis.srem(self._keys.roaming(), *part)) for part in self._parts(numbers))

    def roaming_show(self, number: str) -> bool:
        """Whether a subscriber is recorded as abroad."""
        with told():
            return bool(self._redis.sismember(self._keys.roaming(), self._keys.digest(number).decode()))

    def roaming_count(self) -> int:
        """How many subscribers are recorded as abroad."""
        with told():
            return int(self._redis.scard(self._keys.roaming()))

    def _parts(self, numbers: Sequence[str]) -> Iterator[list[bytes]]:
        """Digests, in commands of a size that no store minds."""
        for at in range(0, len(numbers), _PART):
            yield [self._keys.digest(number) for number in numbers[at : at + _PART]]
