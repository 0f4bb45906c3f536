"""Why the index could not be written as it was meant to be; each says what its writer does next."""

from ringfence.lookups.errors import StoreError


class PartLost(StoreError):
    """A part of a generation is gone or incomplete (flush, fail-over to an empty server): build anew."""


class Superseded(StoreError):
    """Another generation began to be built: read the pointer again and write to both."""


class Behind(StoreError):
    """A part went back in time (fail-over to a server that lagged): read the positions again."""


class NotLocked(StoreError):
    """Another process builds the index."""
