"""The response context: one forwarded request, the hops it was sent to, what they said (RFC 3261 §16.7)."""

from __future__ import annotations

from ringfence.forwarding.best import Answer
from ringfence.forwarding.gateways import Gateway, Group
from ringfence.forwarding.route import Path
from ringfence.sip.address import Endpoint
from ringfence.sip.message import Request
from ringfence.sip.writer import Edit
from ringfence.transaction.client import CALLING, InviteClient, NonInviteClient
from ringfence.transaction.client import PROCEEDING as CLIENT_PROCEEDING
from ringfence.transaction.server import InviteServer, NonInviteServer


class Hop:
    """One place to try: the far end and, if it stands for one, the gateway."""

    __slots__ = ("endpoint", "gateway")

    def __init__(self, endpoint: Endpoint, gateway: Gateway | None) -> None:
        self.endpoint = endpoint
        self.gateway = gateway


class Branch:
    """Whose request a client transaction is, and which hop it went to: stands in the transaction's `context`."""

    __slots__ = ("context", "hop")

    def __init__(self, context: ResponseContext, hop: Hop) -> None:
        self.context = context
        self.hop = hop


class ResponseContext:
    """What is known of one request between its arrival and its final answer.

    server: the transaction that it came in by. request: dropped at the final answer; call_id stays.
    source: who sent it. path: where it goes.
    hops: places not yet tried, next first. clients: branches sent, newest last. answers: final ones received.
    lines, edits: what screening adds and cuts; the same for every hop.
    loop_mark: what our branches carry to know the request by if it comes round again.
    token: for our Record-Route, b"" when none is to be recorded. starts_dialog: an INVITE outside a dialog.
    cancelled: the caller gave up; cancel_reason its Reason lines.
    finished: a final answer went to the caller.
    avoid_switch: UDP is to be used for the hop in hand, though the message is long (§18.1.1, last resort).
    """

    __slots__ = (
        "answers", "avoid_switch", "call_id", "cancel_reason", "cancelled", "clients", "edits", "finished", "group",
        "hops", "lines", "loop_mark", "path", "request", "server", "source", "starts_dialog", "ticket", "token",
        "trunk",
    )  # fmt: skip

    def __init__(self, server: InviteServer | NonInviteServer, request: Request, source: Endpoint) -> None:
        self.server = server
        self.request: Request | None = request
        self.call_id = request.call_id
        self.source = source
        self.path: Path | None = None
        self.hops: list[Hop] = []
        self.clients: list[InviteClient | NonInviteClient] = []
        self.answers: list[Answer] = []
        self.lines = b""
        self.loop_mark = b""
        self.edits: list[Edit] = []
        self.token = b""
        self.trunk = ""
        self.group: Group | None = None
        self.starts_dialog = False
        self.ticket = 0
        self.cancelled = False
        self.cancel_reason = b""
        self.finished = False
        self.avoid_switch = False

    @property
    def waiting(self) -> bool:
        """Whether any branch may still answer finally; one passed over for its silence keeps nobody waiting."""
        clients = self.clients
        return any(
            client.state == CLIENT_PROCEEDING or (client.state == CALLING and client is clients[-1])
            for client in clients
        )

    def finish(self) -> None:
        """The caller has its final answer: only repeats of a 2xx may follow, so let the memory go."""
        self.finished = True
        self.request = None
        self.server.context = None
        self.edits = []
        self.hops = []
        self.answers = []
