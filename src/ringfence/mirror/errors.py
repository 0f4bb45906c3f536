"""What goes wrong with copies of messages."""

from ringfence.errors import RingfenceError


class MirrorError(RingfenceError):
    """A capture cannot be made. The text is fit for an operator."""
