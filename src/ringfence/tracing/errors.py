"""What can be wrong with a trace request, by what the one who brought it has to do about it."""

from __future__ import annotations

from ringfence.errors import RingfenceError


class TraceError(RingfenceError):
    """It cannot be done as things stand; the text says why, without a number."""


class BadMessage(TraceError):
    """No message of ours that anybody signed: its form is wrong. field: the part that is, "" for the whole."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field


class Unauthorised(TraceError):
    """Not signed by a peer of ours, or not meant for us."""


class Stale(TraceError):
    """Signed too long ago, or ahead of our clock: it must be signed anew."""


class Conflict(TraceError):
    """It contradicts what is on record: another message of this name, or a step that its state does not allow."""


class NoRequest(TraceError):
    """There is no such trace request."""
