"""What an operator says about the SIP side and the gateways behind it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ringfence.settings_types import Duration, Frozen
from ringfence.transaction.settings import TimerSettings


class TableLimits(Frozen):
    """Bounds of what calls in progress may take; beyond them new calls are turned away first."""

    transactions: int = Field(
        400_000,
        ge=100,
        description="Transactions in progress. A call takes four for 32 s; new INVITEs get 503 above nine tenths.",
    )
    dialogs: int = Field(200_000, ge=10, description="Dialogs counted at once; the oldest is forgotten first.")
    dialog_lifetime: Duration = Field(
        43_200.0, gt=0, description="A dialog without BYE is forgotten after this; its requests still route."
    )
    resolving: int = Field(
        1_000, ge=1, description="Requests waiting for a DNS answer at once; more are refused with 503."
    )


class OverloadSettings(Frozen):
    """When new INVITEs are refused with 503; emergency calls and everything in progress go on."""

    loop_lag: Duration = Field(0.5, gt=0, description="New INVITEs are refused while the event loop runs this late.")
    retry_after: Duration = Field(5.0, ge=1, description="Retry-After of such a 503; whole seconds.")


class SipSettings(Frozen):
    """The proxy's own behaviour."""

    timers: TimerSettings = Field(default_factory=TimerSettings, description="Transaction timers.")
    limits: TableLimits = Field(default_factory=TableLimits, description="Bounds of the tables.")
    overload: OverloadSettings = Field(default_factory=OverloadSettings, description="When and how new calls are shed.")
    unknown_source: Literal["ignore", "forbid"] = Field(
        "ignore", description="What a source that is no trunk and no gateway gets: no answer at all, or 403."
    )
    forward_methods: tuple[str, ...] = Field(
        (),
        description="Methods besides INVITE that a trunk may send outside a dialog, forwarded unscreened to its "
        "gateways (`*` = every method). All others get 405.",
    )
    udp_switch_bytes: int = Field(
        1300,
        ge=0,
        description="Requests longer than this go by TCP where UDP was meant (RFC 3261 §18.1.1), back to UDP if the "
        "far end refuses the connection; 0 = never.",
    )
    server_name: str = Field(
        "ringfence", pattern=r"^[A-Za-z0-9.!%*_+`'~/-]+$", description="Server header of our own answers."
    )


class TargetSettings(Frozen):
    """One gateway of a group."""

    uri: str = Field(
        description="SIP URI: `sip:10.0.0.1:5060;transport=udp`, `sips:sbc.example.net`. "
        "A name is looked up by RFC 3263."
    )
    priority: int = Field(1, ge=0, description="Lower is tried first.")
    weight: int = Field(100, ge=0, description="Share among targets of one priority.")


class ProbeSettings(Frozen):
    """OPTIONS requests that find out whether a gateway lives."""

    enabled: bool = Field(True, description="Whether this group's gateways are probed.")
    interval: Duration = Field(10.0, gt=0, description="Time between two probes of one gateway.")
    failures: int = Field(2, ge=1, description="Probes in a row without an answer that take a gateway out.")
    timeout: Duration = Field(2.0, gt=0, description="How long a probe waits for its answer.")


class GatewayGroupSettings(Frozen):
    """Gateways that can stand in for one another."""

    targets: tuple[TargetSettings, ...] = Field(min_length=1, description="The gateways.")
    probe: ProbeSettings = Field(default_factory=ProbeSettings, description="Liveness probes.")
    hold_down: Duration = Field(30.0, ge=0, description="How long a gateway that failed a call is tried last.")
    no_answer: Duration = Field(
        4.0,
        gt=0,
        description="An INVITE without any answer for this long goes to the next gateway of the group.",
    )
    failover_on: tuple[int, ...] = Field(
        (503,), description="Final answers after which the next gateway is tried; 6xx never are."
    )
