"""OPTIONS to every gateway, so that a dead one is known before a call finds it."""

from __future__ import annotations

from ringfence.engine.effects import EngineEffects
from ringfence.engine.state import State
from ringfence.forwarding.gateways import Gateway, Group
from ringfence.sip.address import Endpoint, host_port
from ringfence.transaction import timers as t
from ringfence.transaction.client import NonInviteClient
from ringfence.transaction.effects import Effects
from ringfence.transaction.timers import Timers

PROBE_DUE = 5  # beyond what transactions and the forwarder's alarms return


class Probe:
    """One OPTIONS in flight; stands in its transaction's `context`."""

    __slots__ = ("_gateway", "_limit")

    def __init__(self, gateway: Gateway, limit: int) -> None:
        self._gateway = gateway
        self._limit = limit

    def answered(self, status: int) -> None:
        """Any final answer is a living SIP element's, even 404 or 405; 503 says that it will take no call."""
        if status == 503:
            self.failed()
        else:
            self._gateway.probe_answered()

    def failed(self) -> None:
        """No answer in time, or no way to send it."""
        self._gateway.probe_failed(self._limit)


class ProbeClock:
    """Wakes the prober for one group of one generation."""

    __slots__ = ("generation", "group")

    def __init__(self, group: Group, generation: int) -> None:
        self.group = group
        self.generation = generation

    def fire(self, timer: int, now: float, out: Effects) -> int:
        """Always due."""
        return PROBE_DUE


class Prober:
    """Sends the probes of the groups in force."""

    __slots__ = ("_state",)

    def __init__(self, state: State) -> None:
        self._state = state

    def start(self, now: float, out: EngineEffects) -> None:
        """Begin with the policy in force; clocks of an earlier one stop by themselves."""
        for group in self._state.policy.groups.values():
            if group.settings.probe.enabled:
                self.due(ProbeClock(group, self._state.policy.generation), now, out)

    def due(self, clock: ProbeClock, now: float, out: EngineEffects) -> None:
        """Probe every gateway of the group and wind the clock again."""
        if clock.generation != self._state.policy.generation:
            return
        for gateway in clock.group.gateways:
            if gateway.endpoints:
                self._probe(gateway, gateway.endpoints[0], clock.group, now, out)
        out.timers.arm(now, clock.group.settings.probe.interval, clock, t.OWNER)

    def _probe(self, gateway: Gateway, endpoint: Endpoint, group: Group, now: float, out: EngineEffects) -> None:
        state = self._state
        branch = state.branch(b"00000000")
        probe = group.settings.probe
        own = state.policy.timers
        # Timer F is 64*T1 (§17.1.2.2): a shorter wait is a smaller T1 for this one transaction.
        timers = Timers(probe.timeout / 64, own.t2, own.t4, own.c)
        options = _options(endpoint, branch, state.call_id())
        client = NonInviteClient(branch, endpoint, options, timers, Probe(gateway, probe.failures))
        client.interval = own.t1
        state.transactions.clients.add(client.key, client)
        client.start(now, out)


def _options(endpoint: Endpoint, branch: bytes, call_id: bytes) -> bytes:
    """An OPTIONS for the element itself: Max-Forwards 0 lets no gateway pass it on (RFC 3261 §11.1)."""
    listener = endpoint.listener
    scheme = b"sips" if endpoint.transport == "tls" else b"sip"
    far = host_port(endpoint.host, endpoint.port)
    return (
        b"OPTIONS %b:%b SIP/2.0\r\n%b%b\r\nMax-Forwards: 0\r\nFrom: <sip:ringfence@%b>;tag=%b\r\nTo: <%b:%b>\r\n"
        b"Call-ID: %b\r\nCSeq: 1 OPTIONS\r\nContact: <sip:ringfence@%b>\r\nAccept: application/sdp\r\n"
        b"Content-Length: 0\r\n\r\n"
    ) % (scheme, far, listener.via_prefix, branch, listener.sent_by, call_id, scheme, far, call_id, listener.sent_by)
