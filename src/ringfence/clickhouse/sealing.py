"""What stands in ClickHouse of a number and of a record: keyed digests to find by, an encrypted body to read.

Whoever may read the tables sees neither; masked numbers and the plan's classes are there for analysis.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import zlib
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ringfence.clickhouse.errors import ClickHouseError
from ringfence.key_files import KEY_BYTES, listed_keys, make_once

_ID, _NONCE = 4, 12
LEVEL = 1  # of zlib


class _Key:
    def __init__(self, secret: bytes) -> None:
        self.id = hashlib.sha256(b"ringfence clickhouse key" + secret).digest()[:_ID]
        self.box = AESGCM(_derived(secret, b"records"))
        self.digests = blake2b(digest_size=8, key=_derived(secret, b"look-up"))

    def digest(self, text: str) -> int:
        one = self.digests.copy()
        one.update(text.encode("utf-8", "surrogateescape"))
        return int.from_bytes(one.digest(), "big")


class Sealer:
    """The keys of one database, the present one first."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = [_Key(key) for key in keys]
        self._by_id = {key.id: key for key in self._keys}

    def digest(self, text: str) -> int:
        """64 bits that a number is found by, 0 for none. Two of one digest are told apart by their records."""
        return self._keys[0].digest(text) if text else 0

    def digests(self, text: str) -> list[int]:
        """The same under every key."""
        return [key.digest(text) for key in self._keys]

    def seal(self, body: bytes, tie: bytes) -> str:
        """A record's body, encrypted and tied to its place (node, worker, sequence); base64."""
        key, nonce = self._keys[0], os.urandom(_NONCE)
        return base64.b64encode(key.id + nonce + key.box.encrypt(nonce, zlib.compress(body, LEVEL), tie)).decode()

    def open(self, box: str, tie: bytes) -> bytes:
        """The body. Raises ClickHouseError: a key is missing, or the box is another's or was changed."""
        raw = base64.b64decode(box)
        key = self._by_id.get(raw[:_ID])
        if key is None:
            raise ClickHouseError("a record is encrypted under a key that is not in clickhouse.key_file")
        try:
            return zlib.decompress(key.box.decrypt(raw[_ID : _ID + _NONCE], raw[_ID + _NONCE :], tie))
        except (InvalidTag, zlib.error):
            raise ClickHouseError("a record in ClickHouse was changed or damaged") from None


def open_sealer(key_file: Path | None, data_directory: Path) -> Sealer:
    """The keys that the settings name; one is made where they name none. Raises ClickHouseError."""
    file = key_file or data_directory / "keys" / "clickhouse.key"
    try:
        if key_file is None:
            make_once(file, secrets.token_hex(KEY_BYTES) + "\n")
        text = file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ClickHouseError(f"{file}: clickhouse.key_file cannot be read or made: {error}") from None
    try:
        return Sealer(listed_keys(text, str(file), "clickhouse.key_file"))
    except ValueError as error:
        raise ClickHouseError(str(error)) from None


def _derived(secret: bytes, purpose: bytes) -> bytes:
    """A key for one purpose: keyed BLAKE2b is a PRF, which is what a derivation needs (RFC 7693 §2.9)."""
    return blake2b(purpose, digest_size=KEY_BYTES, key=secret, person=b"rf clickhouse").digest()
