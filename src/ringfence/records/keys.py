"""The keys of records on disk: each sealed segment has its own, and those are wrapped under the operator's.

So a change of the operator's key (`ringfence records rotate`) rewrites 64 bytes a segment, and a number's digest says
nothing from one segment to the next.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ringfence.key_files import KEY_BYTES, listed_keys, make_once
from ringfence.records.errors import RecordsError, Tampered
from ringfence.records.framing import VAULT
from ringfence.records.place import folder_of, spools
from ringfence.records.settings import RecordsSettings
from ringfence.records.vault_file import SLOT

_ID, _NONCE = 4, 12
_TIE = b"ringfence segment key"


class KeyRing:
    """The operator's keys, the present one first."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)
        self._boxes = {_id(key): AESGCM(_derived(key, b"wrap")) for key in keys}
        self._present = _id(keys[0])
        self._names = _derived(keys[0], b"pseudonym")

    def __reduce__(self) -> tuple[type[KeyRing], tuple[tuple[bytes, ...]]]:
        """For the processes that share a replay's work."""
        return KeyRing, (self._keys,)

    def wrap(self, segment_key: bytes) -> bytes:
        """A segment's key under the present one: SLOT bytes."""
        nonce = os.urandom(_NONCE)
        return self._present + nonce + self._boxes[self._present].encrypt(nonce, segment_key, _TIE)

    def unwrap(self, slots: Sequence[bytes]) -> bytes:
        """The segment's key, out of a slot that one of our keys opens. Raises Tampered, RecordsError."""
        known = False
        for slot in slots:
            box = self._boxes.get(slot[:_ID])
            if box is None or len(slot) != SLOT:
                continue
            known = True
            try:
                return box.decrypt(slot[_ID : _ID + _NONCE], slot[_ID + _NONCE :], _TIE)
            except InvalidTag:
                pass
        if known:
            raise Tampered("its key was changed or damaged")
        raise RecordsError("it is encrypted under a key that is not in records.key_file")

    def current(self, slot: bytes) -> bool:
        """Whether a slot is under the present key."""
        return slot[:_ID] == self._present

    def pseudonym(self, number: str) -> str:
        """16 hexadecimal digits that stand for a number wherever the same key is the present one; "" for none."""
        if not number:
            return ""
        return blake2b(number.encode("utf-8", "surrogateescape"), digest_size=8, key=self._names).hexdigest()


def open_keys(settings: RecordsSettings, data_directory: Path) -> KeyRing:
    """The keys that the settings name; one is made where they name none. Raises RecordsError."""
    if settings.key_env is not None:
        text, where, named = os.environ.get(settings.key_env, ""), settings.key_env, "records.key_env"
    else:
        file = settings.key_file or data_directory / "keys" / "records.key"
        where, named = str(file), "records.key_file"
        try:
            if settings.key_file is None and not file.exists():
                if _has_vaults(folder_of(settings, data_directory)):
                    raise RecordsError(f"{file}: it is missing, and records are encrypted by it: put it back")
                make_once(file, secrets.token_hex(KEY_BYTES) + "\n")
            text = file.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise RecordsError(f"{file}: records.key_file cannot be read or made: {error}") from None
    try:
        return KeyRing(listed_keys(text, where, named))
    except ValueError as error:
        raise RecordsError(str(error)) from None


def _has_vaults(folder: Path) -> bool:
    """In any spool. Raises OSError."""
    return folder.is_dir() and any(any(spool.glob(f"*{VAULT}")) for spool in spools(folder))


def _id(key: bytes) -> bytes:
    return hashlib.sha256(b"ringfence records key" + key).digest()[:_ID]


def _derived(key: bytes, purpose: bytes) -> bytes:
    """A key for one purpose: keyed BLAKE2b is a PRF, which is what a derivation needs (RFC 7693 §2.9)."""
    return blake2b(purpose, digest_size=KEY_BYTES, key=key, person=b"rf records").digest()
