"""`ringfence call`: a small SIP caller that prints the message ladder."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ringfence.cli import output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, address, duration

if TYPE_CHECKING:
    from ringfence.config.settings import Settings
    from ringfence.demo.caller import CallPlan, CallReport
    from ringfence.ledger import Trunk

Address = tuple[str, int]


def call(
    caller: Annotated[str, typer.Option("--from", help="Number or URI shown as caller; `anonymous`; may be empty.")],
    callee: Annotated[str, typer.Option("--to", help="Number or URI to call.")],
    trunk: Annotated[str | None, typer.Option(help="Call from this trunk's source address and port.")] = None,
    config: ConfigFile = DEFAULT_CONFIG,
    via: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Send it there instead of the listener.")] = None,
    transport: Annotated[Literal["udp", "tcp"], typer.Option(help="Transport to send by.")] = "udp",
    pai: Annotated[str | None, typer.Option(help="Number or URI for P-Asserted-Identity.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Privacy: id, the number is withheld.")] = False,
    display: Annotated[str | None, typer.Option(help="Display name.")] = None,
    header: Annotated[list[str] | None, typer.Option(metavar="'NAME: VALUE'", help="A further header line.")] = None,
    hold: Annotated[str, typer.Option(metavar="TIME", help="Stay this long before hanging up.")] = "0s",
    cancel_after: Annotated[
        str | None, typer.Option(metavar="TIME", help="CANCEL this long after it began to ring.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Place one call and print what went over the wire; 0 when it was answered, 1 when not."""
    from ringfence.demo.caller import CallPlan

    target, local = _ends(config, trunk, via, transport)
    plan = CallPlan(
        caller=caller,
        callee=callee,
        target=target,
        transport=transport,
        display=display,
        asserted=pai,
        private=private,
        hold=duration(hold),
        cancel_after=None if cancel_after is None else duration(cancel_after),
        fields=tuple(_field(one) for one in header or ()),
    )
    report = asyncio.run(_place(plan, local))
    if json:
        output.as_json(asdict(report))
    else:
        _print(report)
    if not 200 <= report.status < 300:
        raise typer.Exit(1)


async def _place(plan: CallPlan, local: Address) -> CallReport:
    from ringfence.demo.caller import Caller

    caller = Caller(*local)
    await caller.open(plan.transport)
    try:
        return await caller.place(plan)
    finally:
        await caller.close()


def _ends(config: Path, trunk: str | None, via: str | None, transport: str) -> tuple[Address, Address]:
    """Where the call goes and where it comes from."""
    from ringfence.config import load, load_bundle

    target = _numeric(address(via)) if via is not None else _listener(load(config), transport)
    if trunk is not None:
        return target, trunk_source(load_bundle(config).ledger.trunks, trunk, transport)
    return target, (_own_address(target), 0)


def _listener(settings: Settings, transport: str) -> Address:
    """The first listener of this transport, as it is reached from this machine."""
    for listener in settings.listeners:
        if listener.transport == transport:
            host, port = listener.address
            if ip_address(host.partition("%")[0]).is_unspecified:
                host = "::1" if ":" in host else "127.0.0.1"
            return host, port
    raise typer.BadParameter(f"the settings have no {transport} listener; use --via")


def trunk_source(trunks: Mapping[str, Trunk], name: str, transport: str) -> Address:
    """An address and port that the daemon takes for this trunk; port 0 where any will do. Raises BadParameter."""
    from ringfence.explaining.rules import no_trunk

    if name not in trunks:
        raise typer.BadParameter(no_trunk(name, trunks))
    for source in trunks[name].sources:
        if source.transport not in (None, transport) or source.address is None:
            continue
        host, _, length = source.address.partition("/")
        if not length or int(length) == ip_address(host).max_prefixlen:
            return host, source.port or 0
    raise typer.BadParameter(f"trunk {name} has no single source address for {transport} to call from")


def _numeric(where: Address) -> Address:
    try:
        found = socket.getaddrinfo(*where, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise typer.BadParameter(f"{where[0]} has no address: {error.strerror}") from None
    return str(found[0][4][0]), where[1]


def _own_address(target: Address) -> str:
    """Our address as the target sees it; connecting a UDP socket sends nothing."""
    family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(target)
        except OSError as error:
            raise typer.BadParameter(f"no way to {target[0]}: {error.strerror}") from None
        return str(probe.getsockname()[0])


def _field(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise typer.BadParameter("a header is written 'Name: value'")
    return name.strip(), value.strip()


def _print(report: CallReport) -> None:
    for step in report.steps:
        arrow = "──▶" if step.direction == "out" else "◀──"
        output.line(f"{step.at * 1000:9.1f} ms  {arrow}  {step.text}")
    output.line()
    rows = [("result", f"{report.status} {report.phrase}" if report.status else report.phrase)]
    rows += [("Reason", value) for value in report.reason]
    rows += report.marks
    output.facts(rows)
