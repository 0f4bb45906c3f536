"""The event loop around the engine: bytes, timers and answers in, effects out, once a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

import structlog

from ringfence import collector
from ringfence.control.dialled import DialledRefusals
from ringfence.engine.effects import EngineEffects
from ringfence.engine.engine import Engine
from ringfence.engine.policy import Policy
from ringfence.forwarding.gateways import Gateway, Named, Target
from ringfence.lookups import Lookups, Resolver
from ringfence.lookups.roaming_http import WithRoaming
from ringfence.mirror.tap import Tap
from ringfence.records.recorder import Recorder
from ringfence.screening import Facts
from ringfence.sip.address import Endpoint
from ringfence.sip.errors import SipError
from ringfence.sip.writer import PHRASES, salvaged_response
from ringfence.telemetry.looplag import LoopLag
from ringfence.transaction.timers import TimerQueue
from ringfence.transport.transports import Transports

COARSEST_TICK = 0.1  # seconds: a wake-up may be late by this and its batch's TOGETHER; an idle loop wakes as often
FINEST_TICK = 0.01  # seconds: timers that are due together are fired together
RESOLVE_EVERY = 5.0  # seconds between looks at gateways with names; the resolver's cache keeps to the records' TTL
_log = structlog.get_logger(__name__)


class Runner:
    """Turns events into calls of the engine and performs the effects that come back.

    faults: exceptions that escaped the engine, which are our own bugs: the message is lost, the daemon goes on.
    tap: gets a copy of every message, None: nobody does.
    """

    engine: Engine

    def __init__(
        self,
        transports: Transports,
        lookups: Lookups | WithRoaming,
        resolver: Resolver,
        recorder: Recorder | None = None,
        refusals: DialledRefusals | None = None,
    ) -> None:
        """refusals: records what subscribers refuse by dialling, None where nobody can."""
        self.lag = LoopLag(0.0)
        self.faults = 0
        self.tap: Tap | None = None
        self._transports = transports
        self._lookups = lookups
        self._resolver = resolver
        self._recorder = recorder
        self._refusals = refusals
        self._out = EngineEffects(TimerQueue())
        self._loop = asyncio.get_running_loop()
        self._flush_due = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._handles: dict[str, asyncio.TimerHandle] = {}

    def start(self, engine: Engine) -> None:
        """Take the engine in hand and begin to keep time, in the turn in which the transports were opened."""
        self.engine = engine
        self._out = EngineEffects(engine.state.timers)
        now = monotonic()
        self.lag = LoopLag(now)
        self._handles["lag"] = self._loop.call_at(self.lag.due, self._beat)
        self._handles["tick"] = self._loop.call_at(now + COARSEST_TICK, self._tick)
        self._name_gateways()
        self.engine.start(now, self._out)
        self._flush()

    async def stop(self) -> None:
        """Keep time no more."""
        for handle in self._handles.values():
            handle.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def adopt(self, policy: Policy) -> None:
        """Put a new generation in force."""
        now = monotonic()
        self.engine.adopt(policy, now, self._out)
        self._name_gateways()
        self._flush()

    # -- events -----------------------------------------------------------------------------------------------

    def received(self, batch: list[tuple[bytes, Endpoint]]) -> None:
        """All messages that a socket had for us."""
        if self.tap is not None:
            self.tap.received(batch)
        received = self.engine.received
        now = monotonic()
        out = self._out
        for data, endpoint in batch:
            try:
                received(data, endpoint, now, out)
            except Exception:
                self._fault("a message")
        self._flush()

    def unreachable(self, endpoint: Endpoint, data: bytes) -> None:
        """A message could not be delivered."""
        self._guarded("an undeliverable message", self.engine.unreachable, endpoint, data, monotonic(), self._out)

    def malformed(self, data: bytes, endpoint: Endpoint, error: SipError) -> None:
        """A stream lost its framing: one last answer, if its peer is known, before it closes (RFC 3261 §18.3)."""
        self.engine.state.counters.malformed += 1
        if self.engine.state.policy.peer_of(endpoint) is None or error.status is None:
            return
        answer = salvaged_response(data, error.status, PHRASES[error.status], endpoint.host, endpoint.port)
        self.engine.unread(data, error.status, endpoint, monotonic(), self._out)
        if answer is not None:
            self._out.sends.append((endpoint, answer))
        self._flush()

    def _facts(self, ticket: int, facts: Facts) -> None:
        try:
            self.engine.facts(ticket, facts, monotonic(), self._out)
        except Exception:
            self._fault("looked-up facts")
        if not self._flush_due:
            self._flush_due = True  # a pipeline's answers come together: one flush for all of them
            self._loop.call_soon(self._flush)

    def _heard(self, ticket: int, outcome: str) -> None:
        self._guarded("a dialled refusal", self.engine.heard, ticket, outcome, monotonic(), self._out)

    def _tick(self) -> None:
        now = monotonic()
        self._guarded("a timer", self.engine.tick, now, self._out)
        collector.glance()
        due = self.engine.state.timers.next_deadline()
        wait = COARSEST_TICK if due is None else min(max(due - now, FINEST_TICK), COARSEST_TICK)
        self._handles["tick"] = self._loop.call_at(now + wait, self._tick)

    def _beat(self) -> None:
        now = monotonic()
        late = now - self.lag.due
        overload = self.engine.state.policy.sip.overload
        self.engine.state.lagging = late > overload.loop_lag
        self._handles["lag"] = self._loop.call_at(self.lag.beat(now), self._beat)

    def _guarded(self, what: str, step: Callable[..., None], *arguments: object) -> None:
        try:
            step(*arguments)
        except Exception:
            self._fault(what)
        self._flush()

    def _fault(self, what: str) -> None:
        """Our own bug: shown with its place, never with the message, and the daemon lives."""
        self.faults += 1
        _log.exception("the engine failed", on=what)

    # -- effects ----------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        self._flush_due = False
        out = self._out
        if out.aliases:
            aliases, out.aliases = out.aliases, []
            for endpoint, port in aliases:
                self._transports.alias(endpoint, port)
        if out.records:
            # Before anything leaves: what was forwarded or refused is on record, whatever happens to us next.
            records, out.records = out.records, []
            if self._recorder is not None:
                self._recorder.write(records, monotonic())
        if out.sends:
            sends, out.sends = out.sends, []
            self._transports.send(sends)
            if self.tap is not None:
                self.tap.sent(sends)
        if out.forwarded:
            # Before this turn's questions, which it goes with.
            forwarded, out.forwarded = out.forwarded, []
            self._lookups.remember(forwarded)
        if out.gathers:
            gathers, out.gathers = out.gathers, []
            self._lookups.submit(gathers, self._facts)
        if out.dialled:
            dialled, out.dialled = out.dialled, []
            assert self._refusals is not None  # there is a line to dial, which takes a restart
            for ticket, refusal in dialled:
                self._refusals.submit(ticket, refusal, self._heard)
        if out.marketed:
            marketed, out.marketed = out.marketed, []
            self._lookups.note_callers(marketed)
        if out.resolves:
            resolves, out.resolves = out.resolves, []
            for ticket, name in resolves:
                self._spawn(self._resolve(ticket, name))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resolve(self, ticket: int, name: Named) -> None:
        targets = await self._look_up(name)
        self._guarded("a resolved name", self.engine.resolved, ticket, targets, monotonic(), self._out)

    async def _look_up(self, name: Named) -> list[Target]:
        try:
            found = await self._resolver.resolve(name.host, name.port, name.transport)
        except Exception:
            self._fault("a name")  # who waits for it must hear all the same
            return []
        return [Target(target.transport, target.host, target.port) for target in found]

    # -- gateways' names --------------------------------------------------------------------------------------

    def _name_gateways(self) -> None:
        """Find out where the gateways of the policy in force are: numeric ones at once, others by RFC 3263."""
        handle = self._handles.get("names")
        if handle is not None:
            handle.cancel()
        policy = self.engine.state.policy
        named = []
        for group in policy.groups.values():
            for gateway in group.gateways:
                if _is_numeric(gateway.named.host):
                    name = gateway.named
                    self._place(gateway, [Target(name.transport or "udp", name.host, name.port or _default_port(name))])
                else:
                    named.append(gateway)
        self.engine.gateways_changed()
        if named:
            self._refresh(policy, named)

    def _refresh(self, policy: Policy, gateways: list[Gateway]) -> None:
        if self.engine.state.policy is not policy:
            return
        for gateway in gateways:
            self._spawn(self._find(gateway))
        self._handles["names"] = self._loop.call_later(RESOLVE_EVERY, self._refresh, policy, gateways)

    async def _find(self, gateway: Gateway) -> None:
        targets = await self._look_up(gateway.named)
        before = gateway.endpoints
        if targets:  # a name server's silence does not take a gateway away; probes and calls tell whether it lives
            self._place(gateway, targets)
        if gateway.endpoints != before:
            self.engine.gateways_changed()

    def _place(self, gateway: Gateway, targets: list[Target]) -> None:
        listeners = self._transports.listeners
        endpoints = []
        for target in targets:
            for listener in listeners:
                if listener.transport == target.transport and listener.ipv6 == (":" in target.host):
                    endpoints.append(
                        self._transports.endpoint(listener.key, target.host, target.port, gateway.named.host)
                    )
                    break
        if endpoints or not gateway.endpoints:
            gateway.endpoints = endpoints


def _is_numeric(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _default_port(name: Named) -> int:
    return 5061 if name.transport == "tls" else 5060
