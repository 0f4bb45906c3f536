"""A new INVITE: screened once, then forwarded, tagged or refused."""

from __future__ import annotations

from ringfence.engine.dialling import Dialling
from ringfence.engine.effects import EngineEffects
from ringfence.engine.forwarder import Forwarder
from ringfence.engine.policy import Policy
from ringfence.engine.state import State
from ringfence.forwarding.context import ResponseContext
from ringfence.forwarding.gateways import Dice
from ringfence.forwarding.marks import named, stripped
from ringfence.forwarding.route import Path
from ringfence.ledger import Trunk
from ringfence.screening import Call, Facts, Need, Pending, Verdict
from ringfence.screening.tagging import display_prefix, tag_lines
from ringfence.sip.address import Endpoint
from ringfence.sip.message import Request
from ringfence.transaction.server import InviteServer, NonInviteServer
from ringfence.voice.lines import line_of

EMERGENCY = "emergency."  # reasons of the rule that settles before all others


class Waiting:
    """A call whose questions are out, with the policy that it began under."""

    __slots__ = ("call", "context", "pending", "policy", "trunk")

    def __init__(self, context: ResponseContext, call: Call, pending: Pending, policy: Policy, trunk: Trunk) -> None:
        self.context = context
        self.call = call
        self.pending = pending
        self.policy = policy
        self.trunk = trunk


class Screen:
    """Asks the pipeline and carries out its verdict.

    wall: epoch seconds of the engine's time zero; calling hours and expiries count in wall time.
    """

    __slots__ = ("_dice", "_forwarder", "_serial", "_state", "_waiting", "dialling", "wall")

    def __init__(self, state: State, forwarder: Forwarder, dice: Dice, wall: float) -> None:
        self._state = state
        self._forwarder = forwarder
        self._dice = dice
        self._serial = 0
        self._waiting: dict[int, Waiting] = {}
        self.dialling = Dialling(state, self.send_on)
        self.wall = wall

    def __len__(self) -> int:
        return len(self._waiting)  # those that wait for a record have a bound of their own

    def invite(
        self,
        request: Request,
        server: InviteServer,
        source: Endpoint,
        trunk: Trunk,
        mark: bytes,
        now: float,
        out: EngineEffects,
    ) -> None:
        """Judge a first INVITE; the transaction exists, nothing was answered yet. mark: its loop mark."""
        state = self._state
        policy = state.policy
        call = policy.intake.call(request, trunk, source.transport, self.wall + now)
        trail = server.trail
        if trail is not None:
            trail.call = call
            trail.generation = policy.generation
        step = policy.pipeline.begin(call)
        if self._overloaded() and not (isinstance(step, Verdict) and step.reason.startswith(EMERGENCY)):
            state.transactions.forget(server)
            state.transactions.shed += self._crowded()
            if trail is not None:
                trail.refused(503, now, out)
            state.turn_away(request, server.endpoint, server.via, out)
            return
        context = ResponseContext(server, request, source)
        context.loop_mark = mark
        server.context = context
        if isinstance(step, Verdict):
            self._carry_out(context, call, step, trunk, policy, now, out)
            return
        # §17.2.1: a 100 is due within 200 ms; a store is never waited for with the caller in the dark.
        state.reply(server, 100, now, out)
        context.ticket = self._ticket()
        self._waiting[context.ticket] = Waiting(context, call, step, policy, trunk)
        out.gathers.append((context.ticket, call, step.needs))

    def _ticket(self) -> int:
        self._serial += 1
        return self._serial

    def unscreened(
        self, request: Request, server: NonInviteServer, source: Endpoint, trunk: Trunk, mark: bytes, now: float
    ) -> ResponseContext:
        """The context of another method that the operator lets through to the trunk's gateways."""
        context = ResponseContext(server, request, source)
        context.loop_mark = mark
        server.context = context
        context.edits = stripped(request, self._state.policy.own_prefix, trunk.trust_identity)
        self._aim(context, request.uri, trunk.gateways, self._state.policy, now)
        return context

    def _aim(self, context: ResponseContext, uri: bytes, gateways: str, policy: Policy, now: float) -> None:
        request = context.request
        assert request is not None
        # It goes to these gateways, whatever its Route values say: they are dropped.
        path = Path(uri, [])
        path.changed = bool(request.routes) or uri != request.uri
        context.path = path
        group = policy.groups[gateways]
        context.group = group
        context.hops = group.hops(now, self._dice)

    def _overloaded(self) -> bool:
        state = self._state
        return state.lagging or state.draining or state.recording.full or self._crowded()

    def _crowded(self) -> bool:
        """New calls leave the last tenth of the table to emergency calls and to calls in progress."""
        transactions = self._state.transactions
        return len(transactions) * 10 >= transactions.limit * 9

    def facts(self, ticket: int, facts: Facts, now: float, out: EngineEffects) -> None:
        """The answers to a call's questions; too late for a call that was cancelled meanwhile."""
        waiting = self._waiting.pop(ticket, None)
        if waiting is None:
            return
        verdict = waiting.policy.pipeline.finish(waiting.call, waiting.pending, facts)
        if waiting.context.server.trail is not None:
            waiting.context.server.trail.facts = facts
        counted = Need.CALLEE_CALLS in waiting.pending.needs
        self._carry_out(waiting.context, waiting.call, verdict, waiting.trunk, waiting.policy, now, out, counted)

    def cancel(self, context: ResponseContext) -> bool:
        """Whether the call was still waiting for facts; it no longer is, nor for a record."""
        self.dialling.cancel(context)
        return self._waiting.pop(context.ticket, None) is not None

    def _carry_out(
        self,
        context: ResponseContext,
        call: Call,
        verdict: Verdict,
        trunk: Trunk,
        policy: Policy,
        now: float,
        out: EngineEffects,
        counted: bool = False,
    ) -> None:
        """counted: whether the call counts for its callee once it is forwarded."""
        state = self._state
        if context.server.trail is not None:
            context.server.trail.verdict = verdict
        counters = state.counters
        counters.verdict(verdict.reason, verdict.action, trunk.name)
        for judged in verdict.findings:
            counters.finding(judged.reason, judged.mode, trunk.name)
        for need in verdict.unknown:
            counters.unscreened[need] = counters.unscreened.get(need, 0) + 1
        answer = verdict.answer
        if answer is not None:
            state.reply(context.server, answer.status, now, out, answer.headers, answer.phrase)
            context.finish()
            return
        request = context.request
        assert request is not None
        edits = stripped(request, policy.own_prefix, trunk.trust_identity)
        if verdict.action == "tag":
            context.lines = tag_lines(verdict, policy.tagging)
            prefix = display_prefix(verdict, policy.tagging)
            if prefix:
                edits += named(request, prefix, trunk.trust_identity)
        context.edits = edits
        if policy.lines:
            line = line_of(policy.lines, call)
            if line is not None:
                if not context.ticket:
                    context.ticket = self._ticket()
                    state.reply(context.server, 100, now, out)
                self.dialling.begin(context, call, line, policy, now, out)
                return
        if not self.send_on(context, trunk, request.uri, trunk.gateways, policy, now, out):
            return
        if counted:
            out.forwarded.append(call)
        if policy.remembers and trunk.marketing:
            out.marketed.append(call)

    def send_on(
        self,
        context: ResponseContext,
        trunk: Trunk,
        uri: bytes,
        gateways: str,
        policy: Policy,
        now: float,
        out: EngineEffects,
    ) -> bool:
        """Forward a call that was let through, to a group of gateways; whether there is one."""
        state = self._state
        request = context.request
        assert request is not None
        context.trunk = trunk.name
        context.starts_dialog = True
        context.token = state.signer.sign(request.call_id, request.from_tag)
        self._aim(context, uri, gateways, policy, now)
        if not context.hops:
            state.refuse(context.server, 503, now, out)
            context.finish()
            return False
        if not context.ticket:
            state.reply(context.server, 100, now, out)
        self._forwarder.next_hop(context, now, out)
        return True
