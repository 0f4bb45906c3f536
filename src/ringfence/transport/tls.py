"""TLS contexts of a listener and the names that a verified certificate carries (RFC 5922)."""

from __future__ import annotations

import asyncio
import ssl

from ringfence.transport.errors import TransportError
from ringfence.transport.settings import TlsSettings

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_NAME_KINDS = ("DNS", "URI")


class TlsContexts:
    """The two sides of one TLS listener: connections that it accepts and connections that it opens.

    Opened connections show the listener's certificate too (mutual TLS) and check the gateway's: its authority
    and its name (DNS or IP address of the subjectAltName, as OpenSSL compares them).
    """

    __slots__ = ("_settings", "client", "server")

    def __init__(self, name: str, settings: TlsSettings) -> None:
        self._settings = settings
        try:
            self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.server.minimum_version = _VERSIONS[settings.minimum_version]
            if settings.client_ca is not None:
                self.server.load_verify_locations(settings.client_ca)
                self.server.verify_mode = (
                    ssl.CERT_REQUIRED if settings.require_client_certificate else ssl.CERT_OPTIONAL
                )
            self.client = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=settings.gateway_ca)
            self.client.minimum_version = _VERSIONS[settings.minimum_version]
        except OSError as error:
            raise TransportError(
                f"listener {name}: an authority file cannot be used: {error.strerror or error}"
            ) from error
        self.renew(name)

    def renew(self, name: str) -> None:
        """Read certificate and key from their files again; connections already open keep the old ones.

        Raises TransportError, and then the old pair stays in use.
        """
        certificate, key = self._settings.certificate, self._settings.key
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
        except (OSError, ValueError) as error:
            raise TransportError(f"listener {name}: certificate and key cannot be used: {error}") from error
        self.server.load_cert_chain(certificate, key)
        self.client.load_cert_chain(certificate, key)


def _no_password() -> str:
    raise ValueError("the key is encrypted")  # OpenSSL would ask on the terminal and hold the daemon up


def certificate_names(transport: asyncio.BaseTransport) -> frozenset[str]:
    """Names of the far end's verified certificate, lower case; empty without TLS or without one."""
    tls = transport.get_extra_info("ssl_object")
    certificate = tls.getpeercert() if tls is not None else None
    if not certificate:
        return frozenset()
    return frozenset(name.lower() for kind, name in certificate.get("subjectAltName", ()) if kind in _NAME_KINDS)
