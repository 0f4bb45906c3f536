"""What an operator does to the store by hand: consents, refusals, scores. Through redis-py, off the call path."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ringfence.lookups.consent import readable
from ringfence.lookups.errors import StoreError
from ringfence.lookups.keys import EVERY_HOLDER, Keys
from ringfence.lookups.resp import Address

if TYPE_CHECKING:
    from redis import Redis

_PART = 1000  # members of one SADD or SREM
TIMEOUT = 2.0  # seconds: redis-py's own default had not given up after 40 s on a server that hangs


@dataclass(frozen=True, slots=True)
class Entry:
    """One consent or refusal. holder: `*` for all holders; at: end of the consent or beginning of the refusal, epoch
    seconds, None for a consent without an end."""

    holder: str
    granted: bool
    at: int | None


class Admin:
    """Reads and writes the very keys that the call path asks for. Every method raises StoreError."""

    def __init__(self, address: Address, keys: Keys) -> None:
        # redis-py costs a third of a second to import: the SIP process never does.
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        place: dict[str, Any]
        if address.path:
            place = {"unix_socket_path": address.path}
        else:
            place = {"host": address.host, "port": address.port, "ssl": address.tls}
            if address.tls:
                place["ssl_ca_certs"] = address.ca
        self._keys = keys
        self._redis: Redis = Redis(
            db=address.database,
            username=address.username,
            password=address.password,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            **place,
        )

    def __enter__(self) -> Admin:
        return self

    def __exit__(self, *_: object) -> None:
        self._redis.close()

    def consent_add(self, callee: str, holder: str, until: int | None = None) -> None:
        """Record a consent to be called by a holder, up to `until` (epoch seconds). It takes the place of this
        holder's refusal; a refusal of all holders stands and beats it. Nobody consents to all holders at once."""
        if holder == EVERY_HOLDER or (until is not None and until <= 0):
            raise StoreError("a consent names one holder, and its end is a time after 1970")
        with _told():
            self._redis.hset(self._consent_key(callee), holder, f"+{until or 0}")

    def refuse(self, callee: str, holder: str = EVERY_HOLDER, since: int | None = None) -> None:
        """Record a refusal, of one holder or of all; it beats consents at once."""
        with _told():
            self._redis.hset(self._consent_key(callee), holder, f"-{int(time.time()) if since is None else since}")

    def consent_remove(self, callee: str, holder: str | None = None) -> int:
        """Forget what was recorded for a holder (`*` for the refusal of all), or everything; how many entries went."""
        with _told():
            key = self._consent_key(callee)
            if holder is not None:
                return int(self._redis.hdel(key, holder))
            count = int(self._redis.hlen(key))
            self._redis.delete(key)
            return count

    def consent_show(self, callee: str) -> list[Entry]:
        """Everything recorded for a callee, by holder; what the call path could not read either is left out."""
        with _told():
            values: dict[bytes, bytes] = self._redis.hgetall(self._consent_key(callee))  # type: ignore[assignment]
        return [
            Entry(field.decode(errors="replace"), value[:1] == b"+", int(value[1:]) or None)
            for field, value in sorted(values.items())
            if readable(value)
        ]

    def score_set(self, number: str, points: float, seconds: int) -> None:
        """Give a caller a score, 0..100, for `seconds`."""
        if not 0 <= points <= 100 or seconds < 1:
            raise StoreError("a score is 0 to 100 and lasts a second at least")
        with _told():
            self._redis.set(self._keys.score(self._keys.digest(number)), f"{points:g}", ex=seconds)

    def score_show(self, number: str) -> tuple[float, int] | None:
        """A caller's score and the seconds it has left, None without one. Raises StoreError, also for what is none."""
        with _told():
            key = self._keys.score(self._keys.digest(number))
            value: bytes | None = self._redis.get(key)  # type: ignore[assignment]
            left = int(self._redis.ttl(key))
        try:
            return None if value is None else (float(value), left)
        except ValueError:
            raise StoreError("what the store keeps as this caller's score is no number") from None

    def roaming_add(self, numbers: Sequence[str]) -> int:
        """Record subscribers as abroad; how many were not yet."""
        with _told():
            return sum(int(self._redis.sadd(self._keys.roaming(), *part)) for part in self._parts(numbers))

    def roaming_remove(self, numbers: Sequence[str]) -> int:
        """Record subscribers as back; how many were abroad."""
        with _told():
            return sum(int(self._redis.srem(self._keys.roaming(), *part)) for part in self._parts(numbers))

    def roaming_show(self, number: str) -> bool:
        """Whether a subscriber is recorded as abroad."""
        with _told():
            return bool(self._redis.sismember(self._keys.roaming(), self._keys.digest(number).decode()))

    def roaming_count(self) -> int:
        """How many subscribers are recorded as abroad."""
        with _told():
            return int(self._redis.scard(self._keys.roaming()))

    def _parts(self, numbers: Sequence[str]) -> Iterator[list[bytes]]:
        """Digests, in commands of a size that no store minds."""
        for at in range(0, len(numbers), _PART):
            yield [self._keys.digest(number) for number in numbers[at : at + _PART]]

    def _consent_key(self, callee: str) -> bytes:
        return self._keys.consent(self._keys.digest(callee))


@contextmanager
def _told() -> Iterator[None]:
    from redis.exceptions import RedisError

    try:
        yield
    except RedisError as error:
        raise StoreError(f"the store did not do it: {str(error)[:120]}") from None
