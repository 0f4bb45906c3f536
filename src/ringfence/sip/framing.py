"""Messages cut out of a stream by Content-Length (RFC 3261 §18.3), and its keep-alives (RFC 5626 §3.5.1)."""

from __future__ import annotations

import re

from ringfence.sip.errors import BadSyntax

_CRLF = b"\r\n"
_END = b"\r\n\r\n"

# Only this field decides where a message ends; what else is wrong with a head is `parse`'s to say, and costs
# that message alone and not the connection with everybody's calls on it. Folds belong to the value
# (RFC 3261 §7.3.1). No repeat here can give back a byte, so a head is walked over once.
_lengths = re.compile(
    rb"\r\n(?:content-length|l)[ \t]*+:([^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*)(?=\r\n(?![ \t]))", re.IGNORECASE
).findall


class Ping:
    """A double CRLF between messages: the far end asks whether we live, the answer is one CRLF."""

    __slots__ = ()


PING = Ping()


class Unframeable(BadSyntax):
    """The stream's framing is lost: no telling where the next message begins.

    frames: what came whole before the fault, in the same call. The bytes at fault are the framer's `rest`.
    """

    def __init__(self, text: str, frames: list[bytes | Ping], status: int | None = None) -> None:
        super().__init__(text, status)
        self.frames = frames


class StreamFramer:
    """Collects a stream's bytes until they are whole messages.

    limit: bytes that one message may have, head and body together.
    """

    __slots__ = ("_buffer", "_failed", "_limit", "_needed", "_searched")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0  # no end of head begins before this offset
        self._needed = 0  # length of the message at the front, 0 while its head is incomplete
        self._failed: str | None = None

    @property
    def pending(self) -> int:
        """Bytes of a message that is not whole yet; 0 between messages."""
        return 0 if _END.startswith(self._buffer) else len(self._buffer)

    @property
    def rest(self) -> bytes:
        """The bytes held; after a fault they begin with the message that could not be framed."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> list[bytes | Ping]:
        """Take what the stream brought; give what is whole now, in order.

        However the stream is cut into calls, the frames are the same.
        Raises Unframeable for a message without a Content-Length (§18.3: a stream needs it), with two, with
        one that is no number, or longer than the limit (513); every later call raises too.
        """
        if self._failed is not None:
            raise Unframeable(self._failed, [])
        self._buffer += data
        frames: list[bytes | Ping] = []
        while self._take(frames):
            pass
        return frames

    def _take(self, frames: list[bytes | Ping]) -> bool:
        """Cut one frame off the front; False when more bytes are needed for it."""
        buffer = self._buffer
        if not self._needed:
            if not self._skip_blank(frames):
                return False
            head = buffer.find(_END, self._searched)
            if head < 0:
                self._searched = max(0, len(buffer) - 3)
                if len(buffer) > self._limit:
                    raise self._fault("a head is too long", frames, 513)
                return False
            self._needed = head + 4 + self._body_length(head + 2, frames)
            if self._needed > self._limit:
                raise self._fault("a message is too long", frames, 513)
        if len(buffer) < self._needed:
            return False
        frames.append(bytes(buffer[: self._needed]))
        del buffer[: self._needed]
        self._needed = self._searched = 0
        return True

    def _skip_blank(self, frames: list[bytes | Ping]) -> bool:
        """Drop line ends before a start line (RFC 3261 §7.5), two are a ping; False: not decided yet."""
        buffer = self._buffer
        while buffer.startswith(_END):
            frames.append(PING)
            del buffer[:4]
        if _END.startswith(buffer):
            return False
        if buffer.startswith(_CRLF):
            del buffer[:2]
        return True

    def _body_length(self, head_end: int, frames: list[bytes | Ping]) -> int:
        found = _lengths(self._buffer, 0, head_end)
        value = found[0].strip(b" \t\r\n") if len(found) == 1 else b""
        if not value.isdigit():
            raise self._fault("a message on a stream needs one valid Content-Length", frames)
        digits = value.lstrip(b"0")
        if len(digits) > len(str(self._limit)):
            raise self._fault("a message is too long", frames, 513)
        return int(digits or b"0")

    def _fault(self, text: str, frames: list[bytes | Ping], status: int | None = None) -> Unframeable:
        self._failed = text
        return Unframeable(text, frames, status)
