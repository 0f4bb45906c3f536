"""IP fragments put together (RFC 791 §3.2, RFC 8200 §4.5), within bounds."""

from __future__ import annotations

from collections import OrderedDict

from ringfence.packets.layers import Piece

SECONDS = 30  # between a packet's first fragment that came and its last: RFC 1122 §3.3.2 has 60 at least for hosts
MOST_BYTES = 16_777_216  # of all fragments that wait
MOST_WAITING = 4_096  # packets
MOST_PARTS = 1_024  # fragments of one packet; a usual one has 45 at most
LONGEST = 65_535  # bytes of a payload


class _Waiting:
    __slots__ = ("end", "first", "parts", "protocol", "since", "size")

    def __init__(self, since: int) -> None:
        self.since = since
        self.parts: dict[int, bytes] = {}
        self.size = 0
        self.end: int | None = None
        self.protocol = 0
        self.first: Piece | None = None


class Fragments:
    """lost: packets given up: too late, too many, or with fragments that contradict each other."""

    def __init__(self) -> None:
        self.lost = 0
        self._waiting: OrderedDict[tuple[object, ...], _Waiting] = OrderedDict()
        self._bytes = 0

    def add(self, piece: Piece, wall: int) -> Piece | None:
        """The whole payload once its last fragment came. wall: microseconds."""
        if piece.key is None:
            return piece
        self._give_up_late(wall)
        waiting = self._waiting.setdefault(piece.key, _Waiting(wall))
        if not self._put(waiting, piece):
            self._forget(piece.key)
            self.lost += 1
            return None
        if waiting.end is None or waiting.size < waiting.end:
            while len(self._waiting) > MOST_WAITING or self._bytes > MOST_BYTES:
                self._forget(next(iter(self._waiting)))
                self.lost += 1
            return None
        whole = b"".join(waiting.parts[offset] for offset in sorted(waiting.parts))
        self._forget(piece.key)
        first = waiting.first
        if first is None:
            return None
        return first._replace(data=whole, key=None, offset=0, more=False)

    def _put(self, waiting: _Waiting, piece: Piece) -> bool:
        """Whether the fragment fits with what is there. One that comes twice does; overlaps do not (RFC 5722)."""
        end = piece.offset + len(piece.data)
        if waiting.parts.get(piece.offset) == piece.data:
            return True
        if len(waiting.parts) >= MOST_PARTS or end > LONGEST:
            return False
        if (piece.more and len(piece.data) % 8) or (waiting.end is not None and end > waiting.end):
            return False
        if any(piece.offset < at + len(part) and at < end for at, part in waiting.parts.items()):
            return False
        if not piece.more:
            if waiting.end is not None or any(at >= end for at in waiting.parts):
                return False
            waiting.end = end
        if piece.offset == 0:
            waiting.first = piece
        waiting.parts[piece.offset] = piece.data
        waiting.size += len(piece.data)
        self._bytes += len(piece.data)
        return True

    def _forget(self, key: tuple[object, ...]) -> None:
        self._bytes -= self._waiting.pop(key).size

    def _give_up_late(self, wall: int) -> None:
        while self._waiting:
            key, oldest = next(iter(self._waiting.items()))
            if wall - oldest.since < SECONDS * 1_000_000:
                return
            self._forget(key)
            self.lost += 1
