"""What goes wrong between the two processes."""

from ringfence.errors import RingfenceError


class ControlError(RingfenceError):
    """The control side cannot work: its socket, its token. The text is fit for an operator."""


class Unanswered(ControlError):
    """The SIP process did not answer in time, or is not there."""


class Refused(ControlError):
    """The SIP process answered that it will not; the text says why."""
