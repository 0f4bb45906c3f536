"""Which ports a configuration wants, which of them are taken, and a copy of it that does with others."""

from __future__ import annotations

import errno
import re
import shutil
import socket
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

from ringfence.config.settings import Settings
from ringfence.demo.errors import DemoError
from ringfence.ledger import Trunk
from ringfence.settings_types import read_bind
from ringfence.sip.uri import parse_uri

Address = tuple[str, int]

_ONE_GATEWAY = "the demo needs a configuration with one gateway at a numeric address, as config/ringfence.yaml has"
_TAKEN = (errno.EADDRINUSE, errno.EACCES)  # EACCES: a port below 1024 that we may not have


def wanted(settings: Settings, trunks: Iterable[Trunk]) -> list[Address]:
    """Every address that the daemon, the trunks' callers and the softswitch will bind, the daemon's first."""
    addresses = [listener.address for listener in settings.listeners]
    if settings.control.enabled:
        addresses.append(read_bind(settings.control.bind))
    addresses += [gateway_address(settings)]
    for trunk in trunks:
        addresses += [(source.address, source.port) for source in trunk.sources if source.address and source.port]
    return list(dict.fromkeys(addresses))


def gateway_address(settings: Settings) -> Address:
    """Where the softswitch has to stand: the one gateway, a numeric address on this machine. Raises DemoError."""
    targets = [target for group in settings.gateways.values() for target in group.targets]
    uri = parse_uri(targets[0].uri.encode())
    try:
        ip_address(uri.host)
    except ValueError:
        raise DemoError(_ONE_GATEWAY) from None
    if len(targets) != 1:
        raise DemoError(_ONE_GATEWAY)
    return uri.host, uri.port or 5060


def taken(addresses: Iterable[Address]) -> list[Address]:
    """Those that somebody holds, by UDP or TCP. Raises DemoError for an address that is not this machine's."""
    return [address for address in addresses if not _free(address)]


def _free(address: Address) -> bool:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                # As every server does: a connection of the demo before may still be in TIME_WAIT.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                if error.errno in _TAKEN:
                    return False
                raise DemoError(f"{address[0]}:{address[1]} cannot be bound: {error.strerror}") from None
    return True


def replacements(busy: Iterable[Address], kept: Iterable[Address]) -> dict[int, int]:
    """A free port for each taken one, 10,000, 20,000 … higher, so that it is still recognised. Raises DemoError."""
    used = {port for _, port in kept}
    moves: dict[int, int] = {}
    for host, port in busy:
        for candidate in range(port % 10_000 + 10_000, 65_536, 10_000):
            if candidate not in used and _free((host, candidate)):
                used.add(candidate)
                moves[port] = candidate
                break
        else:
            raise DemoError(f"port {port} is taken, and so is every port that could stand in for it")
    return moves


def moved_copy(config: Path, folder: Path, moves: dict[int, int]) -> Path:
    """A copy of a configuration and the files beside it, with other ports wherever one of `moves` stands as a port."""
    copied = folder / "config"
    shutil.copytree(config.absolute().parent, copied)
    # One pass: a port that moves to where another was must not move twice.
    names = "|".join(str(port) for port in moves)
    for path in copied.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        moved = re.sub(rf"(?<=[:\s])(?:{names})\b(?!\.)", lambda found: str(moves[int(found[0])]), text)
        path.write_text(moved, encoding="utf-8")
    return copied / config.name
