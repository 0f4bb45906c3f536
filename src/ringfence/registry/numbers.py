"""Callees' numbers as the registry keeps them: encrypted once, found by keyed digests, shown masked.

A key file has one key a line, 64 hexadecimal digits, the present one first; older ones stay until
`ringfence registry rotate` has written everything anew. The keys of encryption, of digests and of files are derived
from it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ringfence.key_files import KEY_BYTES, listed_keys
from ringfence.registry.errors import RegistryError

_ID_BYTES = 4  # names the key in front of each box
_NONCE_BYTES = 12  # random: safe far beyond 2**32 numbers under one key
WRAPPED_BYTES = _ID_BYTES + _NONCE_BYTES + KEY_BYTES + 16
_FILE = b"ringfence file"


class _Key:
    __slots__ = ("box", "digest", "files", "id")

    def __init__(self, secret: bytes) -> None:
        self.id = hashlib.sha256(b"ringfence key id" + secret).digest()[:_ID_BYTES]
        self.box = AESGCM(_derived(secret, b"ringfence registry numbers"))
        self.files = AESGCM(_derived(secret, b"ringfence registry files"))
        self.digest = _derived(secret, b"ringfence registry look-up")


class KeyRing:
    """The keys of a registry, the present one first.

    renew: gives the keys anew when they were changed since they were asked for last, else None. It is asked before
    each use, so that a process that runs for months works with the keys that `ringfence registry rotate` works with.
    """

    def __init__(self, secrets: Sequence[bytes], renew: Callable[[], Sequence[bytes] | None] = lambda: None) -> None:
        self._renew = renew
        self._adopt(secrets)

    def _adopt(self, secrets: Sequence[bytes]) -> None:
        self._present = [_Key(secret) for secret in secrets]
        self._by_id = {key.id: key for key in self._present}

    @property
    def _keys(self) -> list[_Key]:
        renewed = self._renew()
        if renewed is not None:
            self._adopt(renewed)
        return self._present

    def digest(self, number: str) -> bytes:
        """What a number is found by: 32 bytes, under the present key."""
        return hmac.digest(self._keys[0].digest, number.encode(), "sha256")

    def digests(self, number: str) -> list[bytes]:
        """The number's digest under every key, the present one first."""
        return [hmac.digest(key.digest, number.encode(), "sha256") for key in self._keys]

    def seal(self, text: str, owner: int, kind: str = "callee") -> bytes:
        """A number, or another text, encrypted under the present key and tied to the row that it stands in."""
        key = self._keys[0]
        nonce = os.urandom(_NONCE_BYTES)
        return key.id + nonce + key.box.encrypt(nonce, text.encode(), _tie(kind, owner))

    def open(self, box: bytes, owner: int, kind: str = "callee") -> str:
        """The text in a box. Raises RegistryError: a key is missing, or the box was tampered with."""
        key = self._key_of(box)
        if key is None:
            raise RegistryError("a number is encrypted under a key that is not in registry.number_key_file")
        nonce, sealed = box[_ID_BYTES : _ID_BYTES + _NONCE_BYTES], box[_ID_BYTES + _NONCE_BYTES :]
        try:
            return key.box.decrypt(nonce, sealed, _tie(kind, owner)).decode()
        except (InvalidTag, ValueError):
            raise RegistryError(f"the encrypted number of {kind} {owner} was changed or damaged") from None

    def wrap(self, secret: bytes) -> bytes:
        """A file's own key (KEY_BYTES) under the present key: WRAPPED_BYTES."""
        key = self._keys[0]
        nonce = os.urandom(_NONCE_BYTES)
        return key.id + nonce + key.files.encrypt(nonce, secret, _FILE)

    def unwrap(self, wrapped: bytes) -> bytes:
        """A file's own key. Raises RegistryError, as `open`."""
        key = self._key_of(wrapped)
        if key is None:
            raise RegistryError("a file is encrypted under a key that is not in registry.number_key_file")
        try:
            return key.files.decrypt(wrapped[_ID_BYTES : _ID_BYTES + _NONCE_BYTES], wrapped[-KEY_BYTES - 16 :], _FILE)
        except InvalidTag:
            raise RegistryError("the beginning of an encrypted file was changed or damaged") from None

    def _key_of(self, box: bytes) -> _Key | None:
        """Looked for among the keys in hand first: opening millions of boxes asks nobody."""
        key = self._by_id.get(box[:_ID_BYTES])
        if key is None and self._keys:
            key = self._by_id.get(box[:_ID_BYTES])
        return key

    def current(self, box: bytes) -> bool:
        """Whether a box or a wrapped key is under the present key."""
        return box[:_ID_BYTES] == self._keys[0].id


def read_keys(file: Path) -> list[bytes]:
    """A key file's keys, the present one first. Raises RegistryError, naming file and line."""
    try:
        return listed_keys(file.read_text(encoding="ascii"), str(file), "registry.number_key_file")
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryError(f"{file}: registry.number_key_file cannot be read: {error}") from None
    except ValueError as error:
        raise RegistryError(str(error)) from None


def masked(number: str) -> str:
    """What a listing shows: the beginning and the last four digits (`+86138****5001`); of short codes nothing."""
    if len(number) < 10:
        return "*" * len(number)
    return f"{number[:-8]}****{number[-4:]}"


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, None, purpose).derive(secret)


def _tie(kind: str, owner: int) -> bytes:
    return f"ringfence {kind} {owner}".encode()
