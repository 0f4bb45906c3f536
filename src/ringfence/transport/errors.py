"""What stops a listener from opening."""

from ringfence.errors import RingfenceError


class TransportError(RingfenceError):
    """An address cannot be bound, or a certificate or key cannot be used; the text names the listener."""
