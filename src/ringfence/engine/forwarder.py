"""Carries a response context from hop to hop until its caller has a final answer (RFC 3261 §16.6 to §16.10)."""

from __future__ import annotations

from typing import Final, cast

from mypy_extensions import mypyc_attr

from ringfence.engine.counters import STATUS_CLASS
from ringfence.engine.dialogs import Dialog
from ringfence.engine.effects import EngineEffects
from ringfence.engine.policy import Peer
from ringfence.engine.probes import Probe
from ringfence.engine.state import State
from ringfence.engine.trail import CALLEE, CALLER, Trail
from ringfence.forwarding.best import Answer, best_of, passed_on
from ringfence.forwarding.context import ResponseContext
from ringfence.forwarding.copy import forwarded, framed
from ringfence.forwarding.gateways import Hop
from ringfence.forwarding.token import record_route
from ringfence.sip import headers as h
from ringfence.sip.address import Endpoint
from ringfence.sip.message import Response
from ringfence.sip.writer import has_second_via, without_top_via
from ringfence.transaction import client as c
from ringfence.transaction import timers as t
from ringfence.transaction.client import InviteClient, NonInviteClient
from ringfence.transaction.effects import Effects
from ringfence.transaction.hop import cancel_for
from ringfence.transaction.machines import digest
from ringfence.transaction.server import TRYING, InviteServer, NonInviteServer
from ringfence.transaction.table import CANCEL_SUFFIX

FAILOVER_ON = (503,)  # inside a dialog, where the next hop's name had several addresses (RFC 3263 §4.3)
NO_ANSWER: Final = 7  # these three are beyond what a transaction's own timers return
GRACE_OVER: Final = 4
TRYING_DUE: Final = 6

Client = InviteClient | NonInviteClient


@mypyc_attr(acyclic=True)
class Alarm:
    """A wake-up for a branch that its transaction knows nothing of."""

    __slots__ = ("client", "kind")

    def __init__(self, client: Client, kind: int) -> None:
        self.client = client
        self.kind = kind

    def fire(self, timer: int, now: float, out: Effects) -> int:
        """Hands its own kind to the engine."""
        return self.kind


class Forwarder:
    """Sends contexts on, takes the answers back."""

    __slots__ = ("state",)

    def __init__(self, state: State) -> None:
        self.state = state

    # -- forward ----------------------------------------------------------------------------------------------

    def next_hop(self, context: ResponseContext, now: float, out: EngineEffects) -> bool:
        """Send to the next hop of the list. False: there is none left."""
        if not context.hops:
            return False
        hop = context.hops[0]
        context.hops = context.hops[1:]
        self._send(context, hop, now, out)
        return True

    def _send(self, context: ResponseContext, hop: Hop, now: float, out: EngineEffects) -> None:
        state = self.state
        request = context.request
        path = context.path
        assert request is not None and path is not None
        policy = state.policy
        endpoint = hop.endpoint
        branch = state.branch(context.loop_mark)
        data = self._copy(context, endpoint, branch)
        limit = policy.udp_switch_bytes
        if limit and len(data) > limit and endpoint.transport == "udp" and not context.avoid_switch:
            # §18.1.1: "If a request is within 200 bytes of the path MTU, or if it is larger than 1300 bytes and the
            # path MTU is unknown, the request MUST be sent using an RFC 2914 congestion controlled transport
            # protocol".
            switched = state.endpoint_at("tcp", endpoint.host, endpoint.port, endpoint.listener)
            if switched is not None:
                endpoint = switched
                data = self._copy(context, endpoint, branch)
        context.avoid_switch = False
        invite = request.method == b"INVITE"
        call = digest(request.call_id)
        client: Client
        if invite:
            client = InviteClient(branch, endpoint, data, policy.timers, context, hop, call)
            if context.server.trail is not None:
                context.server.trail.sent(hop, out)
        else:
            client = NonInviteClient(branch, endpoint, data, policy.timers, context, hop, call)
        context.clients += (client,)
        state.transactions.clients.add(client.key, client)
        client.start(now, out)
        if invite and context.hops and context.group is not None:
            out.timers.arm(now, context.group.settings.no_answer, Alarm(client, NO_ANSWER), t.OWNER)

    def _copy(self, context: ResponseContext, endpoint: Endpoint, branch: bytes) -> bytes:
        request = context.request
        path = context.path
        assert request is not None and path is not None
        lines = context.lines
        if context.token:
            secure = path.uri[:5].lower() == b"sips:"
            lines = record_route(context.token, context.source.listener, endpoint.listener, secure) + lines
        return forwarded(request, path, endpoint.listener, branch, context.server.via, lines, context.edits)

    # -- answers ----------------------------------------------------------------------------------------------

    def client_of(self, response: Response) -> Client | None:
        """The transaction that a response belongs to (§17.1.3)."""
        branch = response.via_branch
        if response.cseq_method == b"CANCEL":
            branch += CANCEL_SUFFIX
        return self.state.transactions.clients.get(digest(branch))

    def answered(self, source: Endpoint, response: Response, now: float, out: EngineEffects) -> None:
        """A response came from `source`; those that nobody asked for, or somebody else was asked for, are dropped."""
        state = self.state
        counters = state.counters
        client = self.client_of(response)
        # §18.1.2: the sent-by must be ours. RFC 6026 §7.3... a proxy drops what matches no transaction.
        if (
            client is None
            or not client.is_from(source)
            or response.via_sent_by != client.endpoint.listener.sent_by
            # §17.1.3 item 2; what else may share a branch is told apart by its key.
            or (response.cseq_method == b"INVITE") != isinstance(client, InviteClient)
        ):
            counters.stray_responses += 1
            return
        owner = client.context
        if client.call and (digest(response.call_id) != client.call or not has_second_via(response)):
            counters.stray_responses += 1
            return
        label = STATUS_CLASS[response.status // 100]
        counters.answers[label] = counters.answers.get(label, 0) + 1
        if not client.answered(response, now, out):
            return
        if isinstance(owner, ResponseContext):
            self._advance(owner, client, response, now, out)
        elif isinstance(owner, InviteServer):
            self._pass(owner, response.status, without_top_via(response), now, out)
        elif isinstance(owner, Probe) and response.status >= 200:
            owner.answered(response.status)

    def _advance(
        self, context: ResponseContext, client: Client, response: Response, now: float, out: EngineEffects
    ) -> None:
        status = response.status
        if status < 200:
            if context.cancelled or context.finished or client is not context.clients[-1]:
                self._cancel_branch(client, context.cancel_reason, now, out)
            # §16.7 item 5: 100 is hop by hop; other provisional answers go back at once.
            elif status > 100:
                self._pass(context.server, status, without_top_via(response), now, out)
            return
        if context.finished:
            if status < 300:
                self._pass(context.server, status, without_top_via(response), now, out)
            context.release(client)
            return
        if status < 300:
            if context.server.trail is not None:
                context.server.trail.hop = cast(Hop, client.hop)
            self._pass(context.server, status, without_top_via(response), now, out)
            self._succeeded(context, client, now, out)
            return
        context.answers += (Answer(status, response),)
        self._after_failure(context, cast(Hop, client.hop), status, False, now, out)

    def _pass(
        self, server: InviteServer | NonInviteServer, status: int, data: bytes, now: float, out: EngineEffects
    ) -> None:
        if server.endpoint.reliable:
            data = framed(data)
        if server.respond(status, data, now, out):
            self.state.count_response(status)
            if server.trail is not None:
                server.trail.passed(status, now, out)

    def _succeeded(self, context: ResponseContext, client: Client, now: float, out: EngineEffects) -> None:
        if context.starts_dialog:
            request = context.request
            assert request is not None
            dialog = Dialog(request.call_id, request.from_tag, context.trunk, now, context.server.trail)
            self.state.dialogs.begin(context.token, dialog)
        else:
            self._dialog_over(context, now, out)
        for other in context.clients:
            if other is not client and other.state <= c.PROCEEDING:
                self._cancel_branch(other, b"", now, out)  # §16.7 item 10
        context.finish()

    def _dialog_over(self, context: ResponseContext, now: float, out: EngineEffects) -> None:
        request = context.request
        if request is None or request.method != b"BYE" or context.path is None or not context.path.token:
            return
        dialog = self.state.dialogs.end(context.path.token)
        if not self.state.recording.enabled:
            return
        reason = b"\r".join(request.index.values(h.REASON))
        peer = context.source.peer
        if dialog is not None and dialog.trail is not None:
            dialog.trail.over(CALLER if request.from_tag == dialog.caller_tag else CALLEE, reason, now, out)
        elif dialog is None and isinstance(peer, Peer):
            # A call of before the restart, or that the table had no room for: its Call-ID joins it to its decision.
            trail = Trail(None, request.call_id, context.source, peer, now)
            trail.over(CALLEE if peer.trunk is None else CALLER, reason, now, out)

    # -- failure ----------------------------------------------------------------------------------------------

    def _after_failure(
        self, context: ResponseContext, hop: Hop, status: int, silent: bool, now: float, out: EngineEffects
    ) -> None:
        """A branch failed: try the next hop, wait for another branch, or give the caller the best answer.

        silent: nobody said so, the hop gave no answer or could not be reached. RFC 3263 §4.3 counts that and a 503 as
        the hop's own failure; a 408 that came is somebody's behind it.
        """
        group = context.group
        gateway = hop.gateway
        if group is not None and gateway is not None and (silent or status == 503):
            gateway.call_failed(now, group.settings.hold_down)
        if status >= 600:
            # §16.7 item 5: a 6xx ends all branches; it still waits for theirs, in case of a 2xx on its way.
            context.hops = ()
            for other in context.clients:
                if other.state <= c.PROCEEDING:
                    self._cancel_branch(other, b"", now, out)
        fails_over = FAILOVER_ON if group is None else group.settings.failover_on
        if context.hops and not context.cancelled and (silent or status in fails_over):
            self.state.counters.failovers += 1
            self.next_hop(context, now, out)
            return
        if not context.waiting:
            self._conclude(context, now, out)

    def _conclude(self, context: ResponseContext, now: float, out: EngineEffects) -> None:
        best = best_of(context.answers)
        self._dialog_over(context, now, out)
        # §16.7 item 6: a 503 would tell the caller that we take no calls at all.
        status = 500 if best.status == 503 else best.status
        if status == 408 and not isinstance(context.server, InviteServer):
            # RFC 4320 §4.2: no 408 to a non-INVITE; its sender has given up by itself at the same moment.
            self.state.transactions.forget(context.server)
        elif best.response is not None:
            self._pass(context.server, status, passed_on(best, context.answers), now, out)
        else:
            self.state.reply(context.server, 487 if context.cancelled else status, now, out)
        context.finish()

    def timed_out(self, client: Client, now: float, out: EngineEffects) -> None:
        """Timer B, C or F: nobody answered finally (§16.8)."""
        owner = client.context
        if isinstance(owner, ResponseContext) and client.state == c.PROCEEDING and isinstance(client, InviteClient):
            # Timer C: "If the client transaction has received a provisional response, the proxy MUST generate a
            # CANCEL request matching that transaction."
            owner.hops = ()
            self._cancel_branch(client, owner.cancel_reason, now, out)
            return
        if isinstance(owner, Probe):
            owner.failed()
        self._give_up(client, 408, True, now, out)

    def _give_up(self, client: Client, status: int, silent: bool, now: float, out: EngineEffects) -> None:
        """Forget a branch that will not answer; `status` stands for its answer, `silent` as in `_after_failure`."""
        context = client.context
        hop = client.hop
        self.state.transactions.forget(client)
        client.state = c.DONE
        client.data = client.branch = b""
        if isinstance(context, ResponseContext) and not context.finished:
            context.answers += (Answer(status, None),)
            self._after_failure(context, cast(Hop, hop), status, silent, now, out)

    def unanswered(self, client: NonInviteClient, now: float, out: EngineEffects) -> None:
        """T1 passed without a final answer. RFC 4320 §4.1: a 100 is due later if there is nothing else to say, and none
        before; a request that went elsewhere within T1 has it that much later."""
        if isinstance(client.context, ResponseContext):
            timers = client.timers
            out.timers.arm(now, timers.trying - timers.t1, Alarm(client, TRYING_DUE), t.OWNER)

    def alarmed(self, alarm: Alarm, now: float, out: EngineEffects) -> None:
        """A branch said nothing for too long, or did not end after its CANCEL."""
        client = alarm.client
        context = client.context
        if not isinstance(context, ResponseContext):
            return  # it had its answer, or is forgotten
        if alarm.kind == TRYING_DUE:
            if context.server.state == TRYING:
                self.state.reply(context.server, 100, now, out)
            return
        if alarm.kind == GRACE_OVER:
            # §9.1: "If there is no final response for the original request in 64*T1 seconds, the client SHOULD then
            # consider the original transaction cancelled".
            if client.state <= c.PROCEEDING:
                self._give_up(client, 408, False, now, out)  # §16.8; a caller who cancelled gets its 487
            return
        if client.state == c.CALLING and context.hops and not context.cancelled and not context.finished:
            # The branch goes on unheard: if it answers late it is cancelled, and its 2xx would still count.
            gateway = cast(Hop, client.hop).gateway
            if gateway is not None and context.group is not None:
                gateway.call_failed(now, context.group.settings.hold_down)
            self.state.counters.failovers += 1
            self.next_hop(context, now, out)

    def unreachable(self, endpoint: Endpoint, branch: bytes, now: float, out: EngineEffects) -> None:
        """The transport could not deliver a request of ours (§16.9: as if a 503 had come).

        branch: its own, with CANCEL_SUFFIX behind if it is one.
        """
        client = self.state.transactions.clients.get(digest(branch))
        if client is None or not client.is_from(endpoint) or client.state != c.CALLING:
            return
        owner = client.context
        if isinstance(owner, ResponseContext):
            context = owner
            hop = cast(Hop, client.hop)
            wanted = not context.finished and not context.cancelled and client is context.clients[-1]
            if wanted and endpoint.transport == "tcp" and hop.endpoint.transport == "udp":
                # §18.1.1: "retry the request, using UDP" where TCP was our own idea.
                self.state.transactions.forget(client)
                client.state = c.DONE
                client.data = client.branch = b""
                context.avoid_switch = True
                self._send(context, hop, now, out)
                return
        elif isinstance(owner, Probe):
            owner.failed()
        self._give_up(client, 503, True, now, out)

    # -- cancel -----------------------------------------------------------------------------------------------

    def cancel(self, context: ResponseContext, reason: bytes, now: float, out: EngineEffects) -> None:
        """The caller gave up. reason: whole Reason lines of its CANCEL (RFC 3326), passed on downstream."""
        context.cancelled = True
        context.cancel_reason = reason
        if context.server.trail is not None:
            context.server.trail.released = CALLER
        context.hops = ()
        for client in context.clients:
            if client.state == c.PROCEEDING:
                self._cancel_branch(client, reason, now, out)
            elif client.state == c.CALLING and isinstance(client, InviteClient):
                # §9.1: no CANCEL before a provisional answer; it goes out when one comes.
                out.timers.arm(now, client.timers.completed, Alarm(client, GRACE_OVER), t.OWNER)
        if not context.waiting:
            self.state.reply(context.server, 487, now, out)
            context.finish()

    def _cancel_branch(self, client: Client, reason: bytes, now: float, out: EngineEffects) -> None:
        if not isinstance(client, InviteClient) or client.state != c.PROCEEDING:
            return
        branch = client.branch + CANCEL_SUFFIX
        clients = self.state.transactions.clients
        if clients.get(digest(branch)) is not None:
            return  # once is enough
        cancel = NonInviteClient(branch, client.endpoint, cancel_for(client.data, reason), client.timers, None)
        clients.add(cancel.key, cancel)
        cancel.start(now, out)
        out.timers.arm(now, client.timers.completed, Alarm(client, GRACE_OVER), t.OWNER)
