"""What stops the store from being used."""

from ringfence.errors import RingfenceError


class StoreError(RingfenceError):
    """The store cannot be reached or used, with what the operator can do about it."""
