"""What can stop a demo caller or the show before a call is placed."""

from ringfence.errors import RingfenceError


class DemoError(RingfenceError):
    """A port is taken, a value cannot stand in a SIP message, the daemon did not come up."""
