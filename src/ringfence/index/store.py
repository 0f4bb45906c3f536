"""The index's keys in the store, as its writers handle them. Blocking: called from a thread."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ringfence.index import scripts
from ringfence.index.errors import Behind, NotLocked, PartLost, Superseded
from ringfence.index.feed import IndexRow
from ringfence.lookups.clients import client_of, told
from ringfence.lookups.errors import StoreError
from ringfence.lookups.keys import Keys
from ringfence.lookups.layout import MARK, TAGS, Generation, pack, unpack
from ringfence.lookups.resp import Place

LOCK = 30.0  # seconds that a builder's lock outlives its last sign of life
LEAST_ENTRIES, LEAST_VALUE = 128, 64  # of a hash that the store packs, which are its defaults
_CHUNK = 2048  # buckets that one command removes
_RECORD = 6  # bytes of the shortest record: what is shorter is a mark
_NAMED: dict[str, type[StoreError]] = {
    "LOST": PartLost,
    "SUPERSEDED": Superseded,
    "BEHIND": Behind,
    "UNLOCKED": NotLocked,
}


class Pointer(NamedTuple):
    """Which generations there are: names as `str(Generation)` gives them, "" for none.

    retired: epoch seconds since when `previous` is no longer the current one.
    """

    current: str
    previous: str
    building: str
    retired: float


class PartState(NamedTuple):
    """What a part says of itself. next: the generation being built to follow it. rows: that its builder wrote."""

    complete: bool
    position: int
    fields: int
    next: str


class IndexStore:
    """Every method raises StoreError."""

    def __init__(self, place: Place, keys: Keys) -> None:
        self.keys = keys
        # A part of a large index is marked, and removed, in commands that take a while.
        self._redis: Any = client_of(place, timeout=10.0)

    def close(self) -> None:
        """End its connections."""
        self._redis.close()

    # -- pointer and lock -------------------------------------------------------------------------------------

    def pointer(self) -> Pointer:
        """What is in use now. Whatever is done next is done with the digest keys of now."""
        self.keys.renew()
        with told():
            found = self._redis.hmget(self.keys.pointer, "current", "previous", "building", "retired")
        current, previous, building, retired = [(value or b"").decode(errors="replace") for value in found]
        return Pointer(current, previous, building, float(retired or 0))

    def details(self) -> dict[str, str]:
        """All that the pointer says, for people."""
        with told():
            found: dict[bytes, bytes] = self._redis.hgetall(self.keys.pointer)
        return {name.decode(): value.decode(errors="replace") for name, value in found.items()}

    def lock(self) -> str | None:
        """A token of the lock for builders, None while another has it."""
        token = secrets.token_hex(8)
        with told():
            return token if self._redis.set(self.keys.lock, token, nx=True, px=round(LOCK * 1000)) else None

    def unlock(self, token: str) -> None:
        """Give it back; nothing happens when it is no longer ours."""
        with told():
            self._redis.eval(scripts.UNLOCK, 1, self.keys.lock, token)

    def point(self, token: str, **changes: str) -> None:
        """Change the pointer, in one step, and keep the lock. Raises NotLocked when it was lost."""
        pairs = [text for name, value in changes.items() for text in (name, value)]
        self._each([("EVAL", scripts.POINT, 2, self.keys.lock, self.keys.pointer, token, round(LOCK * 1000), *pairs)])

    def keep_fresh(self, seconds: float) -> None:
        """Say that the index is kept up to date, for so long."""
        with told():
            self._redis.set(self.keys.fresh, 1, px=round(seconds * 1000))

    # -- generations ------------------------------------------------------------------------------------------

    def create(self, bits: int, position: int) -> Generation:
        """A new, empty generation; position: what its parts will be up to when they are complete."""
        generation = self.keys.new_generation(secrets.token_hex(4), bits)
        self._each(
            [
                ("HSET", generation.part_key(part), "id", generation.name, "position", position, "rows", 0, "fields", 0)
                for part in range(len(TAGS))
            ]
        )
        return generation

    def parts(self, generation: Generation) -> list[PartState | None]:
        """What each part says; None for one that is not there."""
        found = self._each(
            [
                ("HMGET", generation.part_key(part), "id", "complete", "position", "fields", "next")
                for part in range(len(TAGS))
            ]
        )
        return [
            PartState(bool(complete), int(position or 0), int(fields or 0), (successor or b"").decode())
            if name
            else None
            for name, complete, position, fields, successor in found
        ]

    def announce(self, generation: Generation, successor: str) -> None:
        """From now on nobody writes to `generation` without having written to its successor ("": there is none)."""
        self._each([("EVAL", scripts.ANNOUNCE, 1, generation.part_key(part), successor) for part in range(len(TAGS))])

    def write(
        self,
        generation: Generation,
        rows: Iterable[IndexRow],
        successor: str = "",
        span: tuple[int, int] | None = None,
        counts: list[int] | None = None,
    ) -> None:
        """Put rows where no newer ones stand.

        span: the changes that the rows are, (after, up to): every part goes on to the second when it had the first.
        counts: how many rows went to each part, added up for `finish`; only its builder counts.
        """
        keys: list[list[bytes]] = [[] for _ in TAGS]
        values: list[list[bytes]] = [[] for _ in TAGS]
        place, bucket_key = generation.place, generation.bucket_key
        for callee, scope, kind, since, until, sequence in rows:
            bucket, field = place(callee, scope)
            part = bucket & 63
            keys[part].append(bucket_key(bucket))
            values[part] += (field, pack(kind, sequence, since, until))
        begin, end = span or ("", "")
        commands = []
        for part in range(len(TAGS)):
            size = len(keys[part])
            if size or span:
                counted = 0 if counts is None else size
                head = (scripts.WRITE, 1 + size, generation.part_key(part))
                commands.append(("EVAL", *head, *keys[part], successor, begin, end, counted, *values[part]))
                if counts is not None:
                    counts[part] += size
        self._each(commands)

    def finish(self, generation: Generation, counts: Sequence[int]) -> None:
        """Mark every bucket as complete. Raises PartLost when a part has not all the rows that were written."""
        for part in range(len(TAGS)):
            buckets = [generation.bucket_key(bucket) for bucket in generation.buckets_of(part)]
            head = (scripts.FINISH, 1 + len(buckets), generation.part_key(part))
            self._each([("EVAL", *head, *buckets, counts[part], MARK)])

    def drop(self, generation: Generation) -> None:
        """Remove a generation."""
        for part in range(len(TAGS)):
            buckets = list(generation.buckets_of(part))
            self._each(
                [
                    ("UNLINK", *[generation.bucket_key(bucket) for bucket in buckets[at : at + _CHUNK]])
                    for at in range(0, len(buckets), _CHUNK)
                ]
                + [("UNLINK", generation.part_key(part))]
            )

    def sweep(self, keep: Iterable[str]) -> int:
        """Remove what is left of generations that no pointer names; how many keys went."""
        kept = {name.partition(":")[0] for name in keep}
        prefix = self.keys.pointer.removesuffix(b"{x}:current").decode() + "x{"
        removed = 0
        escaped = "".join(f"\\{sign}" if sign in "*?[]\\^" else sign for sign in prefix)
        with told():
            found: list[bytes] = []
            for key in self._redis.scan_iter(match=f"{escaped}*", count=1000):
                if key.partition(b"}:")[2][:8].decode(errors="replace") not in kept:
                    found.append(key)
        for at in range(0, len(found), _CHUNK):
            removed += sum(self._each([("UNLINK", key) for key in found[at : at + _CHUNK]]))
        return removed

    def read(self, generation: Generation, wanted: Sequence[tuple[bytes, bytes]]) -> list[list[bytes | None]]:
        """Mark and record for each bucket key and field."""
        found: list[list[bytes | None]] = self._each([("HMGET", key, MARK, field) for key, field in wanted])
        return found

    def live_records(self, generation: Generation) -> int:
        """How many records stand in a generation, removals not counted."""
        count = 0
        for part in range(len(TAGS)):
            for value in self._each([("HVALS", generation.bucket_key(b)) for b in generation.buckets_of(part)]):
                for packed in value:
                    if len(packed) >= _RECORD:
                        count += sum(not one.removed for one in unpack(packed) or ())
        return count

    def memory(self, generation: Generation, sample: int = 64) -> float:
        """Bytes that a generation takes, from MEMORY USAGE of some of its buckets."""
        buckets = [random.randrange(1 << generation.bits) for _ in range(sample)]  # noqa: S311 - no secret
        found = self._each([("MEMORY", "USAGE", generation.bucket_key(bucket)) for bucket in buckets])
        return sum(int(one or 0) for one in found) / sample * (1 << generation.bits)

    def dear(self) -> str:
        """Why a pair costs several times what it should by the (first) server's settings; "" where it does not."""
        with told():
            found = self._redis.config_get("hash-max-listpack-*")
        if found and isinstance(next(iter(found.values())), dict):
            found = next(iter(found.values()))
        limits = {_text(name): int(value) for name, value in found.items()}
        entries = limits.get("hash-max-listpack-entries", LEAST_ENTRIES)
        value = limits.get("hash-max-listpack-value", LEAST_VALUE)
        if entries >= LEAST_ENTRIES and value >= LEAST_VALUE:
            return ""
        return (
            f"the store packs hashes of up to {entries} entries of {value} bytes only: the consent index wants "
            f"hash-max-listpack-entries {LEAST_ENTRIES} and hash-max-listpack-value {LEAST_VALUE} at least"
        )

    def _each(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """The replies to commands that go out together. Raises StoreError for the first that failed."""
        if not commands:
            return []
        with told():
            pipeline = self._redis.pipeline(transaction=False)
            for one in commands:
                pipeline.execute_command(*one)
            replies: list[Any] = pipeline.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception):
                raise _NAMED.get(_word(reply), StoreError)(f"the store did not do it: {str(reply)[:120]}")
        return replies


def now() -> int:
    """Epoch seconds."""
    return int(time.time())


def _word(error: Exception) -> str:
    return next((word for word in str(error).split() if word in _NAMED), "")


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
