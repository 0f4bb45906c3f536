"""Which trunk a far end belongs to: claims as fixed keys in a hash table that lies in the snapshot."""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Mapping
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address

from ringfence.ledger.settings import SourceSettings, read_network
from ringfence.ledger.snapshot import Section, Snapshot
from ringfence.sip.address import Transport

KEY = 24  # bytes: IP version, prefix length, transport, port, network; or 0 and the digest of a certificate's name
_TRANSPORTS = {"": 0, "udp": 1, "tcp": 2, "tls": 3}


def key_of(source: SourceSettings) -> bytes:
    """What a source claims; two trunks may not claim the same."""
    if source.certificate is not None:
        return _certificate(source.certificate.lower())
    assert source.address is not None
    network = read_network(source.address)
    head = _head(network.version, network.prefixlen)
    head |= _TRANSPORTS[source.transport or ""] << 168 | (source.port or 0) << 144
    return (head | int(network.network_address)).to_bytes(KEY, "big")


def _head(version: int, length: int) -> int:
    return version << 184 | length << 176


def _certificate(name: str) -> bytes:
    return b"\0" + blake2b(name.encode(), digest_size=KEY - 1).digest()


def lengths(claims: Mapping[bytes, int]) -> list[tuple[int, int]]:
    """IP version and prefix length of every claim, each once, longest first; (0, 0) for certificates."""
    return sorted({(key[0], key[1] if key[0] else 0) for key in claims}, reverse=True)


def sections(claims: Mapping[bytes, int]) -> list[Section]:
    """The snapshot's sections for claims: key to trunk."""
    keys = bytearray()
    trunks = array("I")
    size = 8
    while size < 2 * len(claims):
        size *= 2
    slots = array("I", bytes(4 * size))
    for place, (key, trunk) in enumerate(sorted(claims.items())):
        keys += key
        trunks.append(trunk)
        slot = zlib.crc32(key) & (size - 1)
        while slots[slot]:
            slot = (slot + 1) & (size - 1)
        slots[slot] = place + 1
    return [("sources", (keys,)), ("sources.trunks", (trunks,)), ("sources.slots", (slots,))]


class Sources:
    """The claims of a snapshot.

    The most specific source wins: a certificate's name, then the longest prefix (a single address is the longest);
    at one length port with transport, then port, then transport, then neither.
    """

    __slots__ = ("_certificates", "_keys", "_lengths", "_mask", "_slots", "_trunks")

    def __init__(self, snapshot: Snapshot) -> None:
        self._keys = snapshot.section("sources")
        self._trunks = snapshot.section("sources.trunks").cast("I")
        self._slots = snapshot.section("sources.slots").cast("I")
        self._mask = len(self._slots) - 1
        # How each prefix length begins a key, longest first: only lengths that somebody claims are asked for.
        claimed: list[tuple[int, int]] = [(version, length) for version, length in snapshot.facts["lengths"]]
        self._lengths = {
            version: [(_head(version, length), length) for each, length in claimed if each == version]
            for version in (4, 6)
        }
        self._certificates = any(version == 0 for version, _ in claimed)

    def _get(self, key: bytes) -> int:
        """The trunk that has this claim, -1 for none."""
        slots, mask, keys = self._slots, self._mask, self._keys
        slot = zlib.crc32(key) & mask
        while (place := slots[slot]) != 0:
            at = (place - 1) * KEY
            if keys[at : at + KEY] == key:
                return self._trunks[place - 1]
            slot = (slot + 1) & mask
        return -1

    def find(self, transport: Transport, host: str, port: int, certificate: frozenset[str]) -> int:
        """The trunk that a far end belongs to, -1 for none.

        host: numeric address (a zone is ignored); certificate: lower-case names of its verified TLS certificate.
        When its certificate names several trunks the alphabetically first name decides, the same on every node.
        A host that is no numeric address belongs to nobody.
        """
        if certificate and self._certificates:
            for name in sorted(certificate):
                trunk = self._get(_certificate(name))
                if trunk >= 0:
                    return trunk
        try:
            address = ip_address(host)
        except ValueError:
            return -1
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        bits, number = address.max_prefixlen, int(address)
        from_port, by_transport = port << 144, _TRANSPORTS[transport] << 168
        for head, length in self._lengths[address.version]:
            start = head | number >> (bits - length) << (bits - length)
            for claim in (start | from_port | by_transport, start | from_port, start | by_transport, start):
                trunk = self._get(claim.to_bytes(KEY, "big"))
                if trunk >= 0:
                    return trunk
        return -1
