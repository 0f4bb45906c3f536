"""Which transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3), within bounds."""

from __future__ import annotations

from typing import Final, cast

from ringfence.sip.message import Request
from ringfence.transaction.client import ClientTransaction, InviteClient, NonInviteClient
from ringfence.transaction.machines import Machines, MachinesPure, digest
from ringfence.transaction.server import InviteServer, NonInviteServer, ServerTransaction

MAGIC_COOKIE: Final = b"z9hG4bK"
CANCEL_SUFFIX: Final = b"/CANCEL"  # no branch of ours holds a slash


def server_key(request: Request, peer: bytes, method: bytes) -> int:
    """What a retransmission shares with the first copy.

    peer: name of who sent it. §17.2.3 leaves it out; with it, one trunk's branch can neither meet nor cancel another
    trunk's.
    method: INVITE for an ACK or for the request that a CANCEL means, else the request's own.
    """
    branch = request.via_branch
    if branch.startswith(MAGIC_COOKIE) and len(branch) > len(MAGIC_COOKIE):
        # Branch, method and name hold no line feed, so no two fours become one.
        return digest(b"\n".join([peer, method, request.via_sent_by, branch]))
    # RFC 2543 peers have no unique branch: §17.2.3's second rule. A To tag is left out because an ACK carries one
    # that its INVITE had not.
    start, end = request.via_span
    via = request.data[start:end]
    number = b"%d" % request.cseq_number
    return digest(b"\n".join([b"", peer, method, via, request.uri, request.call_id, number, request.from_tag]))


class Transactions:
    """All machines in progress.

    servers: by server_key. clients: by the digest of their branch; a CANCEL shares its INVITE's and stands under it
    with CANCEL_SUFFIX behind (§17.1.3: the branch alone is not unique then).
    limit: how many machines at most before new work is turned away (`full`). shed: requests turned away for it.
    """

    __slots__ = ("clients", "limit", "servers", "shed")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.shed = 0
        self.servers = cast("MachinesPure[InviteServer | NonInviteServer]", Machines())
        self.clients = cast("MachinesPure[InviteClient | NonInviteClient]", Machines())

    def __len__(self) -> int:
        return len(self.servers) + len(self.clients)

    @property
    def full(self) -> bool:
        """Whether new requests must be turned away."""
        return len(self.servers) + len(self.clients) >= self.limit

    def forget(self, machine: object) -> None:
        """Take a finished machine out, whichever kind it is, and let go of what it became: its owner holds it in turn,
        and nobody collects such circles for us."""
        if isinstance(machine, ClientTransaction):
            self.clients.remove(machine.key)
            machine.context = machine.hop = None
        elif isinstance(machine, ServerTransaction):
            self.servers.remove(machine.key)
            machine.context = None
