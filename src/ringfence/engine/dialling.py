"""A call to a service number: the refusal that it means is recorded first, then its caller is told."""

from __future__ import annotations

from collections.abc import Callable

from ringfence.engine.effects import EngineEffects
from ringfence.engine.policy import Policy
from ringfence.engine.state import State
from ringfence.forwarding.context import ResponseContext
from ringfence.ledger import Trunk
from ringfence.screening import Call
from ringfence.voice.lines import CONFIRMED, UNBELIEVED, Line, Refusal, answer_for, believed

SendOn = Callable[[ResponseContext, Trunk, bytes, str, Policy, float, EngineEffects], bool]


class Dialled:
    """A caller who waits for the record, with the policy that the call began under."""

    __slots__ = ("context", "line", "policy", "trunk")

    def __init__(self, context: ResponseContext, line: Line, policy: Policy, trunk: Trunk) -> None:
        self.context = context
        self.line = line
        self.policy = policy
        self.trunk = trunk


class Dialling:
    """Asks for records and answers their callers. Whoever makes the records bounds how many wait.

    send_on: forwards a call to a group of gateways.
    """

    __slots__ = ("_send_on", "_state", "_waiting")

    def __init__(self, state: State, send_on: SendOn) -> None:
        self._state = state
        self._send_on = send_on
        self._waiting: dict[int, Dialled] = {}

    def begin(
        self, context: ResponseContext, call: Call, line: Line, policy: Policy, now: float, out: EngineEffects
    ) -> None:
        """Take a call that the rules let through; it has its ticket and its 100."""
        self._waiting[context.ticket] = Dialled(context, line, policy, call.trunk)
        if not believed(call):
            self.heard(context.ticket, UNBELIEVED, now, out)
            return
        out.dialled.append((context.ticket, Refusal(call.caller.value, line, call.trunk.name, call.at)))

    def heard(self, ticket: int, outcome: str, now: float, out: EngineEffects) -> None:
        """What became of the record; a caller who gave up meanwhile is not told, and the record stands."""
        counts = self._state.counters.dialled
        counts[outcome] = counts.get(outcome, 0) + 1
        waiting = self._waiting.pop(ticket, None)
        if waiting is None:
            return
        context, line, policy = waiting.context, waiting.line, waiting.policy
        request = context.request
        assert request is not None
        if outcome in CONFIRMED and line.announcement in policy.groups:
            self._send_on(context, waiting.trunk, line.uri or request.uri, line.announcement, policy, now, out)
            return
        answer = answer_for(outcome, policy.retry_after)
        self._state.reply(context.server, answer.status, now, out, answer.headers, answer.phrase)
        context.finish()

    def cancel(self, context: ResponseContext) -> None:
        """Its caller gave up: nobody is told."""
        self._waiting.pop(context.ticket, None)
