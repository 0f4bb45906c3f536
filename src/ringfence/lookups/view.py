"""Which generation of the index is believed, as the call path sees it."""

from __future__ import annotations

from collections.abc import Mapping

from ringfence.lookups.layout import Generation
from ringfence.screening import Unknown

NOT_READ = Unknown("index_unread")


class IndexView:
    """Set by `IndexWatch`, read once a call.

    generation: None while none may be believed; unknown: then why. changes: how often another one came into use.
    pairs: fields of the generation when it was built; built: epoch seconds of that.
    """

    __slots__ = ("built", "changes", "generation", "pairs", "unknown")

    def __init__(self) -> None:
        self.generation: Generation | None = None
        self.unknown = NOT_READ
        self.changes = 0
        self.pairs = 0
        self.built = 0

    def believe(self, generation: Generation, details: Mapping[bytes, bytes]) -> None:
        """From now on this one is asked."""
        if self.generation is None or str(self.generation) != str(generation):
            self.generation = generation
            self.changes += 1
        self.pairs = _number(details.get(b"pairs"))
        self.built = _number(details.get(b"built"))

    def doubt(self, unknown: Unknown) -> None:
        """None is asked any more."""
        self.generation = None
        self.unknown = unknown


def _number(value: bytes | None) -> int:
    return int(value) if value is not None and value.isdigit() and len(value) <= 15 else 0
