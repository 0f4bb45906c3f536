"""What can be wrong with the registry or with what it is asked to keep."""

from __future__ import annotations

from ringfence.errors import RingfenceError


class RegistryError(RingfenceError):
    """The registry cannot be used, or the request cannot be done; the text says what to do about it."""


class BadStatement(RegistryError):
    """What is to be recorded is not sound. field: the name of the part that is wrong, as the CSV and HTTP call it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Forbidden(RegistryError):
    """The actor's role does not allow it."""


class Gone(RegistryError):
    """A follower asked for changes that are no longer kept: it must build its copy anew from `feed.rows`."""
