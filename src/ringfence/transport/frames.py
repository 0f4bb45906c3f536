"""What the front and its workers say to one another about TCP and TLS: packs of frames.

A frame is a head (`_HEAD`), the far end's host, its name and the names of its certificate, and a message. The front
holds the connections; a worker names them by the numbers that their listener gave them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

MESSAGE, UNDELIVERED, UNDECIDABLE, OPENED, CLOSED = range(1, 6)
"""From the front: a whole message came; one could not be delivered; a stream lost its framing (number: the status
owed, 0 for none); a connection was opened, is gone."""

SEND, ALIAS = range(6, 8)
"""From a worker: send a message; take a connection for others too (number: the sent-by port, RFC 5923 §5)."""

LONGEST_MESSAGE = 65_535  # bytes: with the longest list of names that TLS takes it still fits into a pack
LONGEST_NAMES = 65_535  # bytes; a peer that shows a certificate with more is taken as one without
READ = 262_144  # bytes of a pack at most
_HEAD = struct.Struct("=BBHIHHHHI")


class Far(NamedTuple):
    """A far end as `FarEnd` has it; listener: its key; connection: 0 for none."""

    listener: int
    connection: int
    host: str
    port: int
    dialable: bool
    name: str = ""
    certificate: frozenset[str] = frozenset()


class Frame(NamedTuple):
    """One of them. number: what the kind says, else 0."""

    kind: int
    far: Far
    number: int
    data: bytes


def framed(kind: int, far: Far, number: int = 0, data: bytes = b"") -> bytes:
    """A frame's bytes."""
    host = far.host.encode()
    names = "\0".join((far.name, *far.certificate)).encode()
    if len(names) > LONGEST_NAMES:
        names = far.name.encode()  # a part of a name would be somebody else's
    head = _HEAD.pack(
        kind, far.dialable, far.listener, far.connection, far.port, number, len(host), len(names), len(data)
    )
    return b"".join((head, host, names, data))


def frames(pack: memoryview) -> Iterator[Frame]:
    """The frames of a pack, up to the first that is not whole."""
    at = 0
    while len(pack) - at >= _HEAD.size:
        kind, dialable, listener, connection, port, number, host, names, data = _HEAD.unpack_from(pack, at)
        at += _HEAD.size
        if host + names + data > len(pack) - at:
            return
        address = str(pack[at : at + host], "utf-8")
        at += host
        name, *certificate = str(pack[at : at + names], "utf-8").split("\0")
        at += names
        far = Far(listener, connection, address, port, bool(dialable), name, frozenset(certificate))
        yield Frame(kind, far, number, bytes(pack[at : at + data]))
        at += data
