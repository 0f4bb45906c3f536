"""How consents, refusals and wishes stand in the store: the one page that reader and writer of the index share.

`x{TAG}:GENERATION:BUCKET`, a small hash of some fifty fields (the store packs it into one listpack). Field: 8 bytes,
the keyed digest of a callee and a scope; value: one record a kind. The field `m` is the mark of a finished bucket:
without it nothing in the bucket is believed.
`x{TAG}:GENERATION`, a hash: what is known of this part of a generation (id, rows, fields, position, complete, next).
`{x}:current`, a hash: the generations in use (current, previous, building), and figures about the current one.
`{x}:fresh`, a string with an expiry: its writers are alive. `{x}:lock`: who builds.

A record: one byte of kind and flags, 5 bytes sequence, and unless it tells of a removal 4 bytes since and, with the
flag, 4 bytes until (epoch seconds); all big-endian. Of two records of a kind the one with the higher sequence counts,
in whatever order they come.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Literal, NamedTuple

from ringfence.lookups.slots import spread

Kind = Literal["consent", "refusal", "wish"]
KINDS: dict[Kind, int] = {"consent": 1, "refusal": 2, "wish": 3}
NAMES: dict[int, Kind] = {code: kind for kind, code in KINDS.items()}
_KIND, _UNTIL, _REMOVED = 0x03, 0x04, 0x08

TAGS = spread(64)
"""Parts of a generation. A cluster of up to some thirty servers is filled evenly; each part has its own position."""
MARK = b"m"
EVERYBODY = "*"
LEAST_BITS = 6  # one bucket a part
_MOST_BITS = 28
_FIELD_BYTES = 8  # 64 bits within one bucket: two of 10 million pairs meet with a chance of 1 in 10**10
_LAST_SECOND = 2**32 - 1
LAST_SEQUENCE = 2**40 - 1


class Record(NamedTuple):
    """What stands for a callee and a scope, of one kind. until: None without an end; since, until: epoch seconds."""

    kind: Kind
    sequence: int
    since: int
    until: int | None
    removed: bool = False


class Generation:
    """One complete building of the index.

    name: 8 hexadecimal digits, never used twice. bits: it has 2**bits buckets. key_id: of the digest key.
    """

    __slots__ = ("_names", "_seed", "bits", "key_id", "mask", "name")

    def __init__(self, prefix: bytes, name: str, bits: int, key: bytes) -> None:
        self.name = name
        self.bits = bits
        self.key_id = key_id(key)
        self.mask = (1 << bits) - 1
        self._seed = blake2b(key=key, digest_size=_FIELD_BYTES)
        self._names = tuple([b"%bx{%b}:%b" % (prefix, tag, name.encode()) for tag in TAGS])

    def __str__(self) -> str:
        return f"{self.name}:{self.bits}:{self.key_id}"

    def places(self, callee: bytes, scopes: Sequence[bytes]) -> tuple[bytes, list[bytes]]:
        """The key of a callee's bucket, and the field of each scope in it."""
        seed = self._seed.copy()
        seed.update(callee)
        bucket = int.from_bytes(seed.digest(), "big") & self.mask
        seed.update(b"\0")
        fields = []
        for scope in scopes:
            one = seed.copy()
            one.update(scope)
            fields.append(one.digest())
        return b"%b:%x" % (self._names[bucket & 63], bucket), fields

    def place(self, callee: str, scope: str) -> tuple[int, bytes]:
        """Number of a callee's bucket and the field of one scope."""
        seed = self._seed.copy()
        seed.update(callee.encode())
        bucket = int.from_bytes(seed.digest(), "big") & self.mask
        seed.update(b"\0")
        seed.update(scope.encode())
        return bucket, seed.digest()

    def bucket_key(self, bucket: int) -> bytes:
        """Its key."""
        return b"%b:%x" % (self._names[bucket & 63], bucket)

    def part_key(self, part: int) -> bytes:
        """Key of what is known of a part; part: 0..63."""
        return self._names[part]

    def buckets_of(self, part: int) -> range:
        """The buckets of a part."""
        return range(part, 1 << self.bits, len(TAGS))


def key_id(key: bytes) -> str:
    """Names a digest key without giving it away."""
    return blake2b(b"index", key=key, digest_size=4).hexdigest()


def bits_for(pairs: int) -> int:
    """Buckets for so many pairs: 32 to 64 in each, or fewer where there are few.

    The default limit of a listpack is 128 entries or more; a bucket of 64 expected entries has 128 with a chance of
    10**-12, and the index may double before it is built anew.
    """
    return min(max((max(pairs, 1) - 1).bit_length() - 6, LEAST_BITS), _MOST_BITS)


def pack(kind: Kind, sequence: int, since: int, until: int | None) -> bytes:
    """A record; until 0: of a removal. Times are cut to what four bytes hold."""
    code = KINDS[kind]
    if until == 0:
        return bytes((code | _REMOVED,)) + sequence.to_bytes(5, "big")
    start = min(max(since, 0), _LAST_SECOND).to_bytes(4, "big")
    if until is None or until > _LAST_SECOND:
        return bytes((code,)) + sequence.to_bytes(5, "big") + start
    return bytes((code | _UNTIL,)) + sequence.to_bytes(5, "big") + start + max(until, 1).to_bytes(4, "big")


def unpack(value: bytes) -> list[Record] | None:
    """All records of a field, None for what is none of ours."""
    found = []
    at = 0
    while at < len(value):
        flags = value[at]
        kind = NAMES.get(flags & _KIND)
        size = 6 if flags & _REMOVED else 14 if flags & _UNTIL else 10
        if kind is None or flags > 15 or at + size > len(value):
            return None
        sequence = int.from_bytes(value[at + 1 : at + 6], "big")
        if size == 6:
            found.append(Record(kind, sequence, 0, 0, True))
        else:
            until = int.from_bytes(value[at + 10 : at + 14], "big") if size == 14 else None
            found.append(Record(kind, sequence, int.from_bytes(value[at + 6 : at + 10], "big"), until))
        at += size
    return found
