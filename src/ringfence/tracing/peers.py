"""The carriers that we trace with, by their keys."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ringfence.registry.opening import open_signer
from ringfence.registry.settings import RegistrySettings
from ringfence.registry.signing import Signer, fingerprint_of
from ringfence.tracing.errors import TraceError, Unauthorised
from ringfence.tracing.settings import PeerSettings, TraceSettings


class Peer(NamedTuple):
    """A carrier and its public key."""

    settings: PeerSettings
    key: ec.EllipticCurvePublicKey

    @property
    def name(self) -> str:
        """What it calls itself."""
        return self.settings.name


class Peers:
    """All peers of the settings; ours is `name`, and `signer` signs for us."""

    def __init__(self, name: str, signer: Signer, peers: list[Peer]) -> None:
        self.name = name
        self.signer = signer
        self._by_name = {peer.name: peer for peer in peers}
        self._by_key = {fingerprint_of(peer.key): peer for peer in peers}

    def named(self, name: str) -> Peer:
        """Raises TraceError."""
        peer = self._by_name.get(name)
        if peer is None:
            known = ", ".join(sorted(self._by_name)) or "none"
            raise TraceError(f"{name} is no peer of trace.peers; there are: {known}")
        return peer

    @property
    def by_https(self) -> list[str]:
        """Names of those that we can send to."""
        return [name for name, peer in self._by_name.items() if peer.settings.url is not None]

    def signing(self, fingerprint: str) -> Peer:
        """Whose key it is. Raises Unauthorised."""
        peer = self._by_key.get(fingerprint)
        if peer is None:
            raise Unauthorised("signed by a key that is no peer's")
        return peer

    def of_holder(self, holder: str) -> Peer | None:
        """Whose trunks stand in the ledger under this holder."""
        return next((peer for peer in self._by_name.values() if holder and peer.settings.holder == holder), None)


def open_peers(settings: TraceSettings, registry: RegistrySettings, data_directory: Path, node: str) -> Peers:
    """Read every key. Raises TraceError, naming the setting, and RegistryError for the registry's own key."""
    signer = (
        open_signer(registry, data_directory)
        if settings.signing_key_file is None
        else Signer.read(settings.signing_key_file, "trace.signing_key_file")
    )
    peers: list[Peer] = []
    for place, peer in enumerate(settings.peers):
        key = _key(peer.key_file, f"trace.peers[{place}].key_file")
        twin = next((other.name for other in peers if fingerprint_of(other.key) == fingerprint_of(key)), None)
        if twin is not None:
            raise TraceError(f"{peer.key_file}: trace.peers[{place}].key_file: {twin} has this key already")
        peers.append(Peer(peer, key))
    return Peers(settings.name or node, signer, peers)


def _key(file: Path, setting: str) -> ec.EllipticCurvePublicKey:
    try:
        key = serialization.load_pem_public_key(file.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise TraceError(f"{file}: {setting} holds no public key: {error}") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise TraceError(f"{file}: {setting} holds no P-256 key")
    return key
