"""What the vaults of a spool say in the clear, in one file: so a look opens none of those that hold nothing for it.

An entry counts while the vault's inode, size and time are those that it was read at; else the vault itself is asked.
So a catalogue that is missing, damaged, of another version or behind only costs time. Who keeps a spool writes it,
alone. It holds the vaults' wrapped keys, so it is written anew at once when a vault is deleted or a key changed.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from ringfence.records.errors import RecordsError
from ringfence.records.framing import VAULT, segments
from ringfence.records.vault_file import Card, Stamp, about_from, about_values, read_card, stamp_of

VERSION = 1
_DIGEST = 32  # bytes, in hexadecimal digits on the first line


class Catalogue:
    """The vaults of one spool as they were last written down."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cards = _read(_path(folder))

    def known(self, vault: Path) -> Card | None:
        """What stands of this very file; None: it must be asked itself."""
        card = self._cards.get(vault.name)
        if card is None:
            return None
        try:
            return card if stamp_of(vault.stat()) == card.stamp else None
        except OSError:
            return None

    def card(self, vault: Path) -> Card:
        """From here or from the file itself. Raises Tampered, RecordsError."""
        return self.known(vault) or read_card(vault)

    def renew(self) -> None:
        """Write down what is there now. Raises RecordsError."""
        path = _path(self._folder)
        try:
            cards = {}
            for vault in segments(self._folder):
                if vault.suffix == VAULT:
                    try:
                        cards[vault.name] = self.card(vault)
                    except RecordsError:
                        continue  # whoever wants to read it is told
            if cards != self._cards:
                _write(path, cards)
                self._cards = cards
        except OSError as error:
            raise RecordsError(f"{path}: cannot be written: {error.strerror}") from None


def forget(folder: Path) -> None:
    """Before keys are changed within vaults: nobody shall read the old ones here. Raises OSError."""
    _path(folder).unlink(missing_ok=True)


def _path(folder: Path) -> Path:
    return folder / "index" / "catalogue"


def _read(path: Path) -> dict[str, Card]:
    """Empty where it cannot be believed."""
    try:
        head, _, body = path.read_bytes().partition(b"\n")
        if head != _digest(body):
            return {}
        said: dict[str, Any] = orjson.loads(body)
        if said["version"] != VERSION:
            return {}
        return {name: _card(values) for name, values in said["vaults"].items()}
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return {}


def _card(values: list[Any]) -> Card:
    stamp, about, tag, slots = values
    return Card(about_from(about), bytes.fromhex(tag), [bytes.fromhex(slot) for slot in slots], Stamp(*stamp))


def _write(path: Path, cards: dict[str, Card]) -> None:
    """Not synced: what a power cut leaves of it is not believed."""
    vaults = {
        name: [list(card.stamp), about_values(card.about), card.tag.hex(), [slot.hex() for slot in card.slots]]
        for name, card in cards.items()
    }
    body = orjson.dumps({"version": VERSION, "vaults": vaults})
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_digest(body) + b"\n" + body)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=_DIGEST, person=b"rf catalogue").hexdigest().encode()
