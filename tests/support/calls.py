"""Calls between two SIPps through whatever proxy stands between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.net import free_port
from tests.support.sipp import Sipp, Statistics


def _at(host: str) -> str:
    return f"{host}:{free_port(host)}"


@dataclass(frozen=True)
class Ends:
    """`host:port` of everybody in a call; each has a loopback address of its own, so that a source tells who it is."""

    caller: str = field(default_factory=lambda: _at("127.0.0.1"))
    proxy: str = field(default_factory=lambda: _at("127.0.0.2"))
    callee: str = field(default_factory=lambda: _at("127.0.0.3"))
    second_callee: str = field(default_factory=lambda: _at("127.0.0.4"))
    edge: str = field(default_factory=lambda: _at("127.0.0.5"))
    switch: str = field(default_factory=lambda: _at("127.0.0.6"))


@dataclass(frozen=True)
class Side:
    """What one SIPp plays, the texts for its scenario's {{NAME}}s, and its transport (u1 UDP, t1 TCP)."""

    scenario: str
    values: Mapping[str, str] = field(default_factory=dict)
    transport: str = "u1"


def play(
    sipp: Path,
    folder: Path,
    ends: Ends,
    caller: Side,
    callee: Side | None,
    *,
    calls: int = 10,
    rate: int = 100,
    first_hop: str | None = None,
    number: str = "+8613800001000",
    to: str = "+8613900001000",
) -> tuple[Statistics, Statistics | None]:
    """Play `calls` calls from ends.caller through first_hop (else ends.proxy) to ends.callee; both counts.

    Fails when a call failed on either side or anybody got a message that it did not expect.
    callee: None where no call may come through; then nobody listens there.
    """
    taking = None
    if callee is not None:
        taking = Sipp(
            sipp,
            callee.scenario,
            folder / "callee",
            here=ends.callee,
            calls=calls,
            transport=callee.transport,
            values=callee.values,
        )
    placing = Sipp(
        sipp,
        caller.scenario,
        folder / "caller",
        here=ends.caller,
        remote=first_hop or ends.proxy,
        calls=calls,
        rate=rate,
        transport=caller.transport,
        caller=number,
        callee=to,
        values=caller.values,
    )
    try:
        placed = placing.finish()
        assert_clean(placed, placing, calls)
        if taking is None:
            return placed, None
        taken = taking.finish()
        assert_clean(taken, taking, calls)
        return placed, taken
    finally:
        placing.stop()
        if taking is not None:
            taking.stop()


def assert_clean(statistics: Statistics, sipp: Sipp, calls: int) -> None:
    """Every call succeeded, none failed, and no message came that the scenario did not ask for."""
    counts = (statistics.status, statistics.successful, statistics.failed, statistics.unexpected)
    assert counts == (0, calls, 0, 0), f"{statistics}\n{sipp.complaints()}"
