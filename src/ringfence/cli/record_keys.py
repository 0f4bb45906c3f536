"""The keys that sealed records are encrypted by, as commands get at them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ringfence.records.keys import KeyRing
    from ringfence.records.vault import Keys


def keys_of(config: Path) -> Keys:
    """Opens the keys of a configuration once the first encrypted file is met: a copied folder may have none.

    Raises ConfigError, RecordsError.
    """

    @cache
    def ring() -> KeyRing:
        from ringfence.config import load
        from ringfence.records.keys import open_keys

        settings = load(config)
        return open_keys(settings.records, settings.data_directory)

    return ring
