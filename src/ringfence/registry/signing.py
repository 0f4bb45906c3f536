"""The key that proofs are signed by: ECDSA on P-256 with SHA-256 (ES256), which every openssl since 1.0 verifies."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from ringfence.registry.errors import RegistryError


class Signer:
    """A P-256 private key."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    @classmethod
    def read(cls, file: Path, setting: str = "registry.signing_key_file") -> Signer:
        """The key in a PEM file without a passphrase; setting: what names it. Raises RegistryError."""
        try:
            key = serialization.load_pem_private_key(file.read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            raise RegistryError(f"{file}: {setting} holds no key: {error}") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise RegistryError(f"{file}: {setting} holds no P-256 key")
        return cls(key)

    def sign_bytes(self, data: bytes) -> bytes:
        """The signature of some bytes, in DER."""
        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))

    def sign(self, file: Path) -> bytes:
        """A file's signature, in DER. Raises RegistryError."""
        try:
            with file.open("rb") as source:
                digest = hashlib.file_digest(source, "sha256").digest()
        except OSError as error:
            raise RegistryError(f"{file} cannot be read: {error.strerror}") from None
        return self._key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))

    @property
    def public(self) -> bytes:
        """The public key in PEM."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._key.public_key().public_bytes(serialization.Encoding.PEM, form)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key in DER: what a contract or a letter names."""
        return fingerprint_of(self._key.public_key())


def fingerprint_of(key: ec.EllipticCurvePublicKey) -> str:
    """SHA-256 of a public key in DER."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).hexdigest()


def new_key() -> str:
    """A new private key in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
