"""What a peer's bytes can be guilty of, and the response owed for it."""

from ringfence.errors import RingfenceError


class SipError(RingfenceError):
    """A message that cannot be served.

    status: the response owed to a request (RFC 3261 §21), None where nobody can be answered: drop and count.
    The text says what is wrong in general terms and never repeats bytes of the message.
    """

    status: int | None = 400

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        if status is not None:
            self.status = status


class Undecodable(SipError):
    """Not even a start line and a header: nobody to answer."""

    status = None


class BadSyntax(SipError):
    """The message breaks the grammar of RFC 3261 §25 or repeats what may stand once (§7.3.1)."""

    status = 400


class UnsupportedScheme(SipError):
    """A Request-URI scheme that we do not route (RFC 3261 §16.3 item 2)."""

    status = 416


class UnsupportedVersion(SipError):
    """The start line names a version we do not speak (RFC 3261 §21.5.6)."""

    status = 505
