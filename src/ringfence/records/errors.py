"""What goes wrong with records."""

from ringfence.errors import RingfenceError


class RecordsError(RingfenceError):
    """Records cannot be kept or read. The text is fit for an operator."""


class Tampered(RecordsError):
    """Bytes are not what was written."""
