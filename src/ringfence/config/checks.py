"""What only shows when the parts are looked at together: names that lead nowhere, files that are not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from ipaddress import ip_address

from ringfence.config.faults import Fault, Location
from ringfence.config.paths import every_path
from ringfence.config.settings import Settings
from ringfence.errors import RingfenceError
from ringfence.ledger import Ledger
from ringfence.ledger.settings import SourceSettings, read_network
from ringfence.numbering import Numbering
from ringfence.sip.uri import parse_uri
from ringfence.transport.frames import LONGEST_MESSAGE
from ringfence.transport.settings import ListenerSettings

Finding = tuple[Location, str]

_MADE: tuple[Location, ...] = (
    ("data_directory",),
    ("records", "folder"),
    ("registry", "evidence", "folder"),
    ("registry", "uploads", "folder"),
)
"""Folders that are made when they are needed."""


def findings(settings: Settings) -> Iterator[Finding]:
    """Every contradiction between parts, with the location to mend. File names are absolute already."""
    yield from _listeners(settings.listeners)
    yield from _workers(settings)
    yield from _files(settings)
    yield from _gateways(settings)
    yield from _trunks(settings)


def _listeners(listeners: tuple[ListenerSettings, ...]) -> Iterator[Finding]:
    names: dict[str, int] = {}
    for position, listener in enumerate(listeners):
        if listener.name in names:
            yield ("listeners", position, "name"), f"listeners[{names[listener.name]}] has this name already"
        names.setdefault(listener.name, position)
        for before, other in enumerate(listeners[:position]):
            if _same_socket(listener, other):
                yield ("listeners", position, "bind"), f"listeners[{before}] has this address and port already"


def _workers(settings: Settings) -> Iterator[Finding]:
    """What workers cannot do; messages of a stream are handed on to them whole, in packs that have a bound."""
    if settings.workers > 1:
        for position, listener in enumerate(settings.listeners):
            if listener.transport != "udp" and listener.max_message_bytes > LONGEST_MESSAGE:
                message = f"with workers a message by {listener.transport} has at most {LONGEST_MESSAGE} bytes"
                yield ("listeners", position, "max_message_bytes"), message


def _same_socket(one: ListenerSettings, other: ListenerSettings) -> bool:
    """Whether the kernel would refuse the second: TCP and TLS share ports, a wildcard takes every address."""
    (host, port), (other_host, other_port) = one.address, other.address
    if (one.transport == "udp") != (other.transport == "udp") or port != other_port:
        return False
    first, second = ip_address(host.partition("%")[0]), ip_address(other_host.partition("%")[0])
    if first.version != second.version:
        return False
    return host == other_host or first.is_unspecified or second.is_unspecified


def _files(settings: Settings) -> Iterator[Finding]:
    """Files that settings name must be there; folders are made, number files belong to the ledger."""
    for location, path in every_path(settings):
        if location in _MADE:
            continue
        if location == ("ledger", "folder"):
            if not path.is_dir():
                yield location, f"{path}: no such folder"
            continue
        if not path.is_file():
            yield location, f"{path}: no such file"
        elif not os.access(path, os.R_OK):
            yield location, f"{path}: may not be read"


def _gateways(settings: Settings) -> Iterator[Finding]:
    transports = {listener.transport for listener in settings.listeners}
    for name, group in settings.gateways.items():
        for position, target in enumerate(group.targets):
            location: Location = ("gateways", name, "targets", position, "uri")
            try:
                uri = parse_uri(target.uri.encode())
            except RingfenceError as error:
                yield location, str(error)
                continue
            if uri.scheme not in ("sip", "sips"):
                yield location, f"a gateway is a sip or sips URI, not {uri.scheme}"
                continue
            wanted = "tls" if uri.scheme == "sips" else uri.params.get("transport", "").lower()
            if wanted and wanted not in transports:
                yield location, f"no listener of transport {wanted} to send from"
                continue
            reason = _no_place(uri.host, wanted or "udp", settings.listeners)
            if reason:
                yield location, reason


def _no_place(host: str, transport: str, listeners: tuple[ListenerSettings, ...]) -> str:
    """Why nothing can be sent to a numeric host; "" when it can, or when it is a name."""
    if ":" not in host and not host.replace(".", "").isdigit():
        return ""
    try:
        address = ip_address(host)
    except ValueError:
        return f"{host} is no address"
    if address.is_multicast or address.is_unspecified:
        return f"{host} is no machine's address"
    if not any(
        listener.transport == transport and ip_address(listener.address[0].partition("%")[0]).version == address.version
        for listener in listeners
    ):
        return f"no listener of transport {transport} on IPv{address.version} to send from"
    return ""


def _trunks(settings: Settings) -> Iterator[Finding]:
    for position, trunk in enumerate(settings.trunks):
        if trunk.gateways not in settings.gateways:
            known = ", ".join(sorted(settings.gateways))
            yield ("trunks", position, "gateways"), f"no gateway group {trunk.gateways}; there are: {known}"
        for place, source in enumerate(trunk.sources):
            reason = unreachable(source, settings.listeners)
            if reason:
                yield ("trunks", position, "sources", place), reason


def misplaced(area: str | None, province: str | None, numbering: Numbering) -> Iterator[tuple[str, str]]:
    """What the plan has against a trunk's area and province: (key, message)."""
    if area is not None and not numbering.has_area(area):
        yield "area", f"the plan {numbering.plan.plan} has no such area"
    if province and province not in numbering.plan.provinces:
        known = ", ".join(sorted(numbering.plan.provinces)) or "none"
        yield "province", f"no such province; the plan has: {known}"


def ledger_faults(settings: Settings, ledger: Ledger, numbering: Numbering) -> Iterator[Fault]:
    """What the other parts of the settings have against trunks of the ledger's files."""
    known = ", ".join(sorted(settings.gateways))
    for trunk, (name, _, file, line, path) in zip(ledger.profiles, ledger.facts["origins"], strict=True):
        if file and trunk.gateways not in settings.gateways:
            yield Fault(file, line, path, f"trunk {name}: no gateway group {trunk.gateways}; there are: {known}")
        for key, message in misplaced(trunk.area, trunk.province, numbering) if file else ():
            yield Fault(file, line, path, f"trunk {name}: {key}: {message}")
    for said, file, line, path in ledger.facts["reach"]:
        reason = unreachable(SourceSettings.model_validate(said), settings.listeners)
        if reason:
            yield Fault(file, line, path, reason)


def unreachable(source: SourceSettings, listeners: tuple[ListenerSettings, ...]) -> str:
    """Why no call can come from this source; "" when one can."""
    if source.certificate is not None:
        asks = any(listener.tls is not None and listener.tls.client_ca is not None for listener in listeners)
        return "" if asks else "no tls listener with client_ca asks peers for a certificate"
    assert source.address is not None
    version = read_network(source.address).version
    open_to = [
        listener for listener in listeners if ip_address(listener.address[0].partition("%")[0]).version == version
    ]
    if not open_to:
        return f"no listener of IPv{version}"
    if source.transport is not None and all(listener.transport != source.transport for listener in open_to):
        return f"no listener of transport {source.transport} on IPv{version}"
    return ""
