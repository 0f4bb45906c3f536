"""Which transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3), within bounds."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from ringfence.sip.message import Request
from ringfence.transaction.client import ClientTransaction, InviteClient, NonInviteClient
from ringfence.transaction.server import InviteServer, NonInviteServer, ServerTransaction

MAGIC_COOKIE: Final = b"z9hG4bK"
CANCEL_SUFFIX: Final = b"/CANCEL"  # no branch of ours holds a slash
SHARDS: Final = 64


def server_key(request: Request, peer: bytes, method: bytes) -> bytes:
    """What a retransmission shares with the first copy; one object, as it is kept for as long as the transaction.

    peer: name of who sent it. §17.2.3 leaves it out; with it, one trunk's branch can neither meet nor cancel another
    trunk's.
    method: INVITE for an ACK or for the request that a CANCEL means, else the request's own.
    """
    branch = request.via_branch
    if branch.startswith(MAGIC_COOKIE) and len(branch) > len(MAGIC_COOKIE):
        # Branch, method and name hold no line feed, so no two fours become one key. What differs most stands last.
        return b"\n".join([peer, method, request.via_sent_by, branch])
    # RFC 2543 peers have no unique branch: §17.2.3's second rule. A To tag is left out because an ACK carries one
    # that its INVITE had not.
    start, end = request.via_span
    via = request.data[start:end]
    number = b"%d" % request.cseq_number
    return b"\n".join([b"", peer, method, via, request.uri, request.call_id, number, request.from_tag])


M = TypeVar("M", InviteServer | NonInviteServer, InviteClient | NonInviteClient)


class Shards(Generic[M]):
    """Machines by key, in SHARDS dictionaries: one that grows is copied, and a large one's copy is a pause.

    The end of a key tells which it is in: there stand the mark of our branches, the numbers that most far ends count
    in theirs, and the random ones of others. Keys that end alike only bring the pauses back.
    """

    __slots__ = ("_shards", "_size")

    def __init__(self) -> None:
        self._shards: list[dict[bytes, M]] = [{} for _ in range(SHARDS)]
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def get(self, key: bytes) -> M | None:
        """The machine of that key, None where there is none."""
        return self._shards[_shard(key)].get(key)

    def add(self, machine: M) -> None:
        """Take a machine in, in place of one that has its key."""
        key = machine.key
        shard = self._shards[_shard(key)]
        before = len(shard)
        shard[key] = machine
        self._size += len(shard) - before

    def remove(self, key: bytes) -> None:
        """Take a machine out; nothing happens if it is out already."""
        if self._shards[_shard(key)].pop(key, None) is not None:
            self._size -= 1

    def values(self) -> list[M]:
        """All of them."""
        return [machine for shard in self._shards for machine in shard.values()]


def _shard(key: bytes) -> int:
    # SIPp's branches end in a number that is the same in all INVITEs, with the call's own before it.
    return 0 if len(key) < 4 else (key[-1] ^ key[-2] << 3 ^ key[-3] << 1 ^ key[-4] << 4) & (SHARDS - 1)


class Transactions:
    """All machines in progress.

    servers: by server_key. clients: by branch; a CANCEL shares its INVITE's branch and stands under it with
    CANCEL_SUFFIX behind (§17.1.3: the branch alone is not unique then).
    limit: how many machines at most before new work is turned away (`full`). shed: requests turned away for it.
    """

    __slots__ = ("clients", "limit", "servers", "shed")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.shed = 0
        self.servers: Shards[InviteServer | NonInviteServer] = Shards()
        self.clients: Shards[InviteClient | NonInviteClient] = Shards()

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
