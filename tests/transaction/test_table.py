from __future__ import annotations

import pytest
from tests.support import messages
from tests.transaction.support import SENT_INVITE, SENT_OPTIONS, UDP, request

from ringfence.transaction.client import InviteClient, NonInviteClient
from ringfence.transaction.server import InviteServer, NonInviteServer
from ringfence.transaction.table import CANCEL_SUFFIX, Transactions, server_key
from ringfence.transaction.timers import Timers

PEER, OTHER_PEER = b"bank", b"callcentre"
VIA = b"SIP/2.0/UDP 192.0.2.10:5060;branch="
# RFC 2543: no branch, one without the cookie, and one that only begins like it.
OLD_VIAS = (b"SIP/2.0/UDP 192.0.2.10:5060", VIA + b"1", VIA + b"z9hG4b", VIA + b"xz9hG4bK1")
NEW_VIA = VIA + b"z9hG4bKab"


def key(method: bytes, via: bytes, meant: bytes = b"", peer: bytes = PEER, **fields: bytes) -> int:
    """The key of a request; meant: the method that it is looked up under."""
    uri = fields.pop("uri", b"sip:13800138000@192.0.2.1")
    message = messages.request(line=method + b" " + uri + b" SIP/2.0", Via=via, CSeq=b"7 " + method, **fields)
    return server_key(request(message), peer, meant or method)


@pytest.mark.parametrize("via", [NEW_VIA, *OLD_VIAS])
def test_the_ack_and_the_cancel_find_their_invite(via: bytes) -> None:
    invite = key(b"INVITE", via)
    assert invite == key(b"INVITE", via)
    assert invite == key(b"CANCEL", via, b"INVITE")
    assert invite == key(b"ACK", via, b"INVITE", To=b"<sip:13800138000@192.0.2.1>;tag=ours")


@pytest.mark.parametrize("via", [NEW_VIA, *OLD_VIAS])
def test_a_cancel_is_a_transaction_of_its_own(via: bytes) -> None:
    assert key(b"INVITE", via) != key(b"CANCEL", via)
    assert key(b"INVITE", via) != key(b"BYE", via)


@pytest.mark.parametrize("via", [NEW_VIA, *OLD_VIAS])
def test_no_trunk_meets_anothers_transaction(via: bytes) -> None:
    assert key(b"INVITE", via) != key(b"INVITE", via, peer=OTHER_PEER)
    assert key(b"INVITE", via) != key(b"CANCEL", via, b"INVITE", peer=OTHER_PEER)


def test_a_branch_with_the_cookie_decides_alone() -> None:
    """§17.2.3: branch, sent-by and method; the rest may even differ."""
    same = key(b"INVITE", NEW_VIA)
    assert same == key(b"INVITE", NEW_VIA + b";rport", Call_ID=b"another", uri=b"sip:x@192.0.2.1")
    assert same != key(b"INVITE", VIA + b"z9hG4bKac")
    assert same != key(b"INVITE", NEW_VIA.replace(b"5060", b"5062"))


@pytest.mark.parametrize(
    "difference",
    [
        {"uri": b"sip:13800138001@192.0.2.1"},
        {"Call_ID": b"another@192.0.2.10"},
        {"From": b"<sip:+862155551234@192.0.2.10>;tag=another"},
        {"via": b"SIP/2.0/UDP 192.0.2.11:5060"},
    ],
)
@pytest.mark.parametrize("via", OLD_VIAS)
def test_without_the_cookie_everything_else_decides(via: bytes, difference: dict[str, bytes]) -> None:
    changed = dict(difference)
    other = changed.pop("via", via)
    assert key(b"INVITE", via) != key(b"INVITE", other, b"INVITE", PEER, **changed)


def test_a_new_and_an_old_key_never_meet() -> None:
    assert len({key(b"INVITE", via) for via in (NEW_VIA, *OLD_VIAS)}) == 5


def test_cseq_tells_an_old_reinvite_from_its_invite() -> None:
    first = request(messages.request(Via=OLD_VIAS[0], CSeq=b"1 INVITE"))
    second = request(messages.request(Via=OLD_VIAS[0], CSeq=b"2 INVITE"))
    assert server_key(first, PEER, b"INVITE") != server_key(second, PEER, b"INVITE")


def test_the_table_counts_fills_and_forgets() -> None:
    table = Transactions(4)
    timers = Timers()
    invite_server = InviteServer(1, request(SENT_INVITE), UDP, b"", b"", timers)
    other_server = NonInviteServer(2, request(SENT_OPTIONS), UDP, b"", b"", timers)
    branch, cancel = b"z9hG4bKours", b"z9hG4bKours" + CANCEL_SUFFIX
    invite_client = InviteClient(branch, UDP, SENT_INVITE, timers, None)
    cancel_client = NonInviteClient(cancel, UDP, b"", timers, None)
    table.servers.add(invite_server.key, invite_server)
    table.servers.add(other_server.key, other_server)
    table.clients.add(invite_client.key, invite_client)
    assert (len(table), table.full) == (3, False)
    table.clients.add(cancel_client.key, cancel_client)
    assert (len(table), table.full) == (4, True)
    for left, machine in enumerate((invite_client, other_server, cancel_client, invite_server)):
        table.forget(machine)
        table.forget(machine)  # twice is once
        assert len(table) == 3 - left
    table.forget("no machine at all")
    assert (table.servers.values(), table.clients.values()) == ([], [])
    table.limit = 0
    assert table.full


def test_no_branch_of_ours_can_hold_the_cancel_suffix() -> None:
    """A `/` is no token character (RFC 3261 §25.1), so the two names cannot meet."""
    assert CANCEL_SUFFIX.startswith(b"/")
