"""The response context: one forwarded request, the hops it was sent to, what they said (RFC 3261 §16.7)."""

from __future__ import annotations

from mypy_extensions import mypyc_attr

from ringfence.forwarding.best import Answer
from ringfence.forwarding.gateways import Group, Hop
from ringfence.forwarding.route import Path
from ringfence.sip.address import Endpoint
from ringfence.sip.message import Request
from ringfence.sip.writer import Edit
from ringfence.transaction.client import ACCEPTED, CALLING, InviteClient, NonInviteClient
from ringfence.transaction.client import PROCEEDING as CLIENT_PROCEEDING
from ringfence.transaction.server import InviteServer, NonInviteServer


@mypyc_attr(acyclic=True)
class ResponseContext:
    """What is known of one request between its arrival and its final answer.

    At the final answer it lets go of request, path, edits, hops, answers and clients.

    server: the transaction that it came in by. request: as it came. source: who sent it. path: where it goes.
    hops: places not yet tried, next first. clients: branches sent, newest last. answers: final ones received.
    lines, edits: what screening adds and cuts; the same for every hop. edits: None for none.
    loop_mark: what our branches carry to know the request by if it comes round again.
    token: for our Record-Route, b"" when none is to be recorded. starts_dialog: an INVITE outside a dialog.
    cancelled: the caller gave up; cancel_reason its Reason lines.
    finished: a final answer went to the caller.
    avoid_switch: UDP is to be used for the hop in hand, though the message is long (§18.1.1, last resort).
    """

    __slots__ = (
        "answers", "avoid_switch", "cancel_reason", "cancelled", "clients", "edits", "finished", "group",
        "hops", "lines", "loop_mark", "path", "request", "server", "source", "starts_dialog", "ticket", "token",
        "trunk",
    )  # fmt: skip

    def __init__(self, server: InviteServer | NonInviteServer, request: Request, source: Endpoint) -> None:
        self.server = server
        self.request: Request | None = request
        self.source = source
        self.path: Path | None = None
        self.hops: tuple[Hop, ...] = ()
        self.clients: tuple[InviteClient | NonInviteClient, ...] = ()
        self.answers: tuple[Answer, ...] = ()
        self.lines = b""
        self.loop_mark = b""
        self.edits: list[Edit] | None = None
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
        self.server.context = self.server.trail = None
        self.request = self.path = self.edits = None
        self.hops = self.answers = ()
        for client in self.clients:
            self.release(client)
        self.clients = ()

    def release(self, client: InviteClient | NonInviteClient) -> None:
        """Once the caller has its final answer, a branch that has had its own needs the context no more.

        One that was answered with 2xx keeps the way back, for repeats of it (§16.7 item 10).
        """
        if client.state <= CLIENT_PROCEEDING:
            return  # it may answer yet, and is to be cancelled
        client.context = self.server if client.state == ACCEPTED else None
        client.hop = None
