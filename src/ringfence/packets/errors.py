"""What goes wrong with files of packets."""

from ringfence.errors import RingfenceError


class PacketError(RingfenceError):
    """A file is no capture, or is damaged. The text names the file and the offset."""
