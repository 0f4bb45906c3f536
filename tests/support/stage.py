"""An engine on a stage: messages in, effects out, time by hand; no socket, no sleep, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support.places import PLACES

from ringfence.engine.effects import EngineEffects
from ringfence.engine.engine import Engine
from ringfence.engine.policy import Policy
from ringfence.engine.state import State
from ringfence.engine.trail import DECISION
from ringfence.forwarding.gateways import build_groups
from ringfence.forwarding.settings import GatewayGroupSettings, SipSettings
from ringfence.ledger import TrunkSettings, build_ledger
from ringfence.numbering import Numbering, NumberingSettings
from ringfence.screening import Facts, Intake, Pipeline, ScreeningSettings
from ringfence.sip.address import Endpoint, Listener
from ringfence.sip.message import Request, Response, parse
from ringfence.transaction.timers import TimerQueue
from ringfence.voice.lines import build_lines
from ringfence.voice.settings import LineSettings

CALLER = ("192.0.2.1", 5060)  # the trunk `bank`
OTHER_TRUNK = ("192.0.2.2", 5060)  # the trunk `callcentre`
STRANGER = ("203.0.113.9", 5060)
GATEWAY = ("198.51.100.1", 5060)
SECOND_GATEWAY = ("198.51.100.2", 5060)
PROXY = "198.51.100.99"
ROUTE_KEY = b"0123456789abcdef0123456789abcdef"

TRUNKS: tuple[Mapping[str, Any], ...] = (
    {
        "name": "bank",
        "holder": "bank",
        "kind": "enterprise",
        "sources": [{"address": CALLER[0]}],
        "gateways": "softswitch",
        "numbers": [{"prefix": "+8610"}],
        "trust_identity": True,
    },
    {
        "name": "callcentre",
        "holder": "acme",
        "kind": "call_center",
        "sources": [{"address": OTHER_TRUNK[0]}],
        "gateways": "softswitch",
        "numbers": [{"prefix": "+8621"}],
        "marketing": True,
    },
)


class Endpoints:
    """Interned far ends, as a transport keeps them."""

    def __init__(self, listeners: list[Listener]) -> None:
        self._listeners = {listener.key: listener for listener in listeners}
        self._made: dict[tuple[int, str, int], Endpoint] = {}

    def __call__(self, key: int, host: str, port: int, name: str | None = None) -> Endpoint:
        if (key, host, port) not in self._made:
            self._made[key, host, port] = Endpoint(self._listeners[key], host, port)
        return self._made[key, host, port]


class Stage:
    """One engine with the trunks and gateways of a small carrier.

    sent: everything that left since it was last taken. gathers, resolves: questions since they were last taken.
    """

    def __init__(
        self,
        *,
        sip: Mapping[str, Any] | None = None,
        group: Mapping[str, Any] | None = None,
        rules: Mapping[str, Any] | None = None,
        trunks: tuple[Mapping[str, Any], ...] = TRUNKS,
        listeners: list[Listener] | None = None,
        gateways: tuple[tuple[str, int], ...] = (GATEWAY,),
        dice: Callable[[], float] = lambda: 0.0,
        screening: Mapping[str, Any] | None = None,
        lines: tuple[Mapping[str, Any], ...] = (),
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self.listeners = listeners or [Listener(0, "udp", PROXY, 5060)]
        self.endpoint = Endpoints(self.listeners)
        self.now = 1000.0
        self._parts = {
            "sip": sip or {},
            "group": {"probe": {"enabled": False}, **(group or {})},
            "rules": rules or {},
            "trunks": trunks,
            "screening": screening or {},
            "lines": lines,
        }
        self._gateways = gateways
        state = State(self.listeners, self.endpoint, self.policy(1), ROUTE_KEY, b"salt", None, share)
        self.engine = Engine(state, dice, 1_700_000_000.0)
        self.out = EngineEffects(state.timers)
        self.engine.gateways_changed()

    def policy(self, generation: int, **parts: Any) -> Policy:
        """A generation of settings; parts replace those the stage was made with."""
        parts = {**self._parts, **parts}
        numbering = Numbering(NumberingSettings())
        trunks = [TrunkSettings.model_validate(trunk) for trunk in parts["trunks"]]
        ledger = build_ledger(trunks, numbering, Path(), generation, _no_file)
        screening = ScreeningSettings.model_validate({**parts["screening"], "rules": parts["rules"]})
        targets = [{"uri": f"sip:{host}:{port}", "priority": n} for n, (host, port) in enumerate(self._gateways)]
        groups = build_groups(
            {"softswitch": GatewayGroupSettings.model_validate({"targets": targets, **parts["group"]})}
        )
        for group in groups.values():
            for gateway in group.gateways:
                gateway.endpoints = [self.endpoint(0, gateway.named.host, gateway.named.port or 5060)]
        return Policy(
            generation,
            SipSettings.model_validate(parts["sip"]),
            ledger,
            Pipeline(screening, ledger, PLACES),
            Intake(numbering),
            screening.tagging,
            groups,
            build_lines([LineSettings.model_validate(line) for line in parts["lines"]], numbering),
        )

    # -- events -------------------------------------------------------------------------------------------

    def receive(self, data: bytes, source: tuple[str, int] = CALLER, listener: int = 0) -> None:
        """A datagram comes in."""
        self.engine.received(data, self.endpoint(listener, *source), self.now, self.out)

    def pass_time(self, seconds: float) -> None:
        """Let time go by in steps of 100 ms, firing what falls due."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + 0.1, end)
            self.engine.tick(self.now, self.out)

    def facts(self, facts: Facts) -> None:
        """Answer the one question that is open."""
        ((ticket, _, _),) = self.take_gathers()
        self.engine.facts(ticket, facts, self.now, self.out)

    # -- effects ------------------------------------------------------------------------------------------

    def take(self) -> list[tuple[Endpoint, bytes]]:
        """All that was sent since the last look."""
        sent, self.out.sends = self.out.sends, []
        return sent

    def take_to(self, far: tuple[str, int]) -> list[Request | Response]:
        """All that was sent since the last look, parsed; every message must have gone to `far`."""
        sent = self.take()
        assert all((endpoint.host, endpoint.port) == far for endpoint, _ in sent), sent
        return [parse(data) for _, data in sent]

    def take_gathers(self) -> list[Any]:
        """Questions since the last look."""
        gathers, self.out.gathers = self.out.gathers, []
        return gathers

    def take_dialled(self) -> list[Any]:
        """Refusals that are to be recorded, since the last look."""
        dialled, self.out.dialled = self.out.dialled, []
        return dialled

    def heard(self, outcome: str) -> None:
        """Say what became of the one refusal that is to be recorded."""
        ((ticket, _),) = self.take_dialled()
        self.engine.heard(ticket, outcome, self.now, self.out)

    def take_records(self) -> list[Any]:
        """Notes for the records since the last look, let go as their writer does."""
        records, self.out.records = self.out.records, []
        for kind, trail in records:
            if kind == DECISION:
                trail.written(1)
        return records

    def summary(self) -> list[str]:
        """What was sent since the last look, a line each: `caller 100`, `gateway INVITE`."""
        names = {CALLER: "caller", OTHER_TRUNK: "other", GATEWAY: "gateway", SECOND_GATEWAY: "second"}
        lines = []
        for endpoint, data in self.take():
            message = parse(data)
            what = message.method.decode() if isinstance(message, Request) else str(message.status)
            lines.append(f"{names.get((endpoint.host, endpoint.port), endpoint.host)} {what}")
        return lines

    @property
    def timers(self) -> TimerQueue:
        """The engine's queue."""
        return self.engine.state.timers


def _no_file(path: Path) -> str:
    raise AssertionError(f"no file is read here: {path}")
