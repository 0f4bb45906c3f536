"""What goes wrong with records in ClickHouse."""

from ringfence.errors import RingfenceError


class ClickHouseError(RingfenceError):
    """Records cannot be brought there or found there. The text is fit for an operator."""
