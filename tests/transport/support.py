"""A far side that records, and certificates of the test's own."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
from collections.abc import Awaitable, Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ringfence.sip.address import Endpoint
from ringfence.sip.errors import SipError
from ringfence.transport.transports import Transports


class Heard:
    """Everything that transports told their owner."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, Endpoint]] = []
        self.batches: list[int] = []
        self.unreachable: list[tuple[Endpoint, bytes]] = []
        self.malformed: list[tuple[bytes, Endpoint, SipError]] = []
        self._changed = asyncio.Event()

    def on_batch(self, batch: list[tuple[bytes, Endpoint]]) -> None:
        self.messages += batch
        self.batches.append(len(batch))
        self._changed.set()

    def on_unreachable(self, endpoint: Endpoint, data: bytes) -> None:
        self.unreachable.append((endpoint, data))
        self._changed.set()

    def on_malformed(self, data: bytes, endpoint: Endpoint, error: SipError) -> None:
        self.malformed.append((data, endpoint, error))
        self._changed.set()

    async def until(self, met: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait until `met`; looks again whenever something was told, and now and then."""
        async with asyncio.timeout(seconds):
            while not met():
                self._changed.clear()
                try:
                    await asyncio.wait_for(self._changed.wait(), 0.02)
                except TimeoutError:
                    pass


Opener = Callable[..., Awaitable[tuple[Transports, Heard]]]


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(_pem(self._certificate(self._name, self._key, [], authority=True)))

    def issue(self, stem: str, *names: x509.GeneralName) -> tuple[Path, Path]:
        """Certificate and key files for the names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, stem)])
        certificate, secret = self._folder / f"{stem}.crt", self._folder / f"{stem}.key"
        certificate.write_bytes(_pem(self._certificate(subject, key, list(names))))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate, secret

    def _certificate(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        names: list[x509.GeneralName],
        authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
