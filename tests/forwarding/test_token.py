from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.forwarding.support import INNER, LISTENERS, OWN, SIGNER, SIX, TCP, TLS, TOKEN, UDP

from ringfence.forwarding.token import OwnNames, RouteSigner, record_route
from ringfence.sip.address import Listener
from ringfence.sip.uri import name_addr, parse_uri

CALL, CALLER_TAG, CALLEE_TAG = b"a84b4c76e66710@192.0.2.10", b"19283", b"far"


def test_a_token_fits_a_user_part_and_says_nothing() -> None:
    assert re.fullmatch(rb"[A-Za-z0-9_-]{16}", TOKEN)
    assert CALLER_TAG not in TOKEN


def test_it_opens_its_dialog_from_either_side() -> None:
    assert SIGNER.verify(TOKEN, CALL, CALLER_TAG, CALLEE_TAG)
    assert SIGNER.verify(TOKEN, CALL, CALLEE_TAG, CALLER_TAG)


@pytest.mark.parametrize(
    ("call_id", "from_tag", "to_tag"),
    [
        (b"another@192.0.2.10", CALLER_TAG, CALLEE_TAG),
        (CALL, b"x", CALLEE_TAG),
        (CALL, CALLEE_TAG, b"x"),
        (CALL, b"", b""),
        (CALL + b"\0" + CALLER_TAG, b"", CALLEE_TAG),
        (CALL.upper(), CALLER_TAG, CALLEE_TAG),
        (CALL, b"19283".replace(b"1", b"\xef"), CALLEE_TAG),
    ],
)
def test_it_opens_no_other(call_id: bytes, from_tag: bytes, to_tag: bytes) -> None:
    assert not SIGNER.verify(TOKEN, call_id, from_tag, to_tag)


@settings(max_examples=60)
@given(st.integers(0, 15), st.sampled_from(b"ABCxyz019_-"))
def test_a_token_with_a_byte_changed_opens_nothing(place: int, byte: int) -> None:
    forged = TOKEN[:place] + bytes((byte,)) + TOKEN[place + 1 :]
    assert SIGNER.verify(forged, CALL, CALLER_TAG, CALLEE_TAG) == (forged == TOKEN)


@pytest.mark.parametrize("forged", [b"", b"A" * 16, TOKEN[:15], TOKEN + b"A", TOKEN.swapcase()])
def test_forged_tokens_open_nothing(forged: bytes) -> None:
    assert not SIGNER.verify(forged, CALL, CALLER_TAG, CALLEE_TAG)


def test_another_key_makes_other_tokens() -> None:
    other = RouteSigner(b"0123456789abcdeg")
    assert other.sign(CALL, CALLER_TAG) != TOKEN
    assert not other.verify(TOKEN, CALL, CALLER_TAG, CALLEE_TAG)
    assert RouteSigner(b"0123456789abcdef").sign(CALL, CALLER_TAG) == TOKEN  # a second node with the same key


@pytest.mark.parametrize("size", [0, 15, 33])
def test_a_key_has_a_size(size: int) -> None:
    with pytest.raises(ValueError, match="16 to 32 bytes"):
        RouteSigner(b"k" * size)


@pytest.mark.parametrize("size", [16, 32])
def test_keys_at_the_bounds(size: int) -> None:
    assert len(RouteSigner(b"k" * size).sign(CALL, CALLER_TAG)) == 16


def test_call_id_and_tag_cannot_be_shifted_against_each_other() -> None:
    assert SIGNER.sign(b"ab", b"c") != SIGNER.sign(b"a", b"bc")


T = b"rf-" + TOKEN + b"@"


@pytest.mark.parametrize(
    ("route", "listener", "token"),
    [
        (b"<sip:" + T + b"198.51.100.99:5060;lr>", UDP, TOKEN),
        (b"<sip:" + T + b"198.51.100.99;lr>", UDP, TOKEN),  # §19.1.2: without a port it is 5060
        (b"<SIP:" + T + b"198.51.100.99:5060;LR;Transport=UDP>;x=1", UDP, TOKEN),
        (b"<sip:" + T + b"198.51.100.99:5060;transport=tcp;lr>", TCP, TOKEN),
        (b"<sip:" + T + b"198.51.100.99;lr;transport=TCP>", TCP, TOKEN),
        (b"<sip:" + T + b"198.51.100.99:5061;transport=tls;lr>", TLS, TOKEN),
        (b"<sips:" + T + b"198.51.100.99:5061;lr>", TLS, TOKEN),
        (b"<sips:" + T + b"198.51.100.99;lr>", TLS, TOKEN),
        (b"<sip:" + T + b"[2001:DB8::99]:5060;lr>", SIX, TOKEN),
        (b"<sip:" + T + b"[2001:db8::99];lr>", SIX, TOKEN),
        (b"<sip:" + T + b"10.0.0.1:5080;lr>", INNER, TOKEN),
        (b"<sip:198.51.100.99:5060;lr>", UDP, b""),
        (b"<sip:198.51.100.99>", UDP, b""),
    ],
)
def test_names_of_ours(route: bytes, listener: Listener, token: bytes) -> None:
    assert OWN.read(route) == (listener, token)


@pytest.mark.parametrize(
    "route",
    [
        b"<sip:" + T + b"203.0.113.9:5060;lr>",
        b"<sip:" + T + b"198.51.100.99:5099;lr>",
        b"<sip:" + T + b"10.0.0.1;lr>",  # that listener has another port than the default
        b"<sip:" + T + b"10.0.0.1:5080;transport=tcp;lr>",
        b"<sip:" + T + b"198.51.100.99:5060;transport=sctp;lr>",
        b"<sips:" + T + b"198.51.100.99:5060;lr>",
        b"<sip:rf-short@198.51.100.99;lr>",
        b"<sip:bob@198.51.100.99;lr>",
        b"<sip:" + T + b"evil@198.51.100.99;lr>",
        b"<sip:" + T + b"198.51.100.99.evil.example;lr>",
        b"<tel:+8613800138000>",
        b"sip:198.51.100.99;lr",
        b"",
    ],
)
def test_names_of_others(route: bytes) -> None:
    assert OWN.read(route) is None


def test_own_hosts() -> None:
    for ours in (b"198.51.100.99:5060", b"198.51.100.99", b"[2001:DB8::99]:5060", b"10.0.0.1:5080"):
        assert OWN.is_own_host(ours)
    for other in (b"198.51.100.9", b"10.0.0.1", b"2001:db8::99", b"", b"198.51.100.99:5062"):
        assert not OWN.is_own_host(other)


def test_the_first_listener_of_a_name_has_it() -> None:
    one, other = Listener(0, "udp", "a.example", 5060), Listener(1, "udp", "A.example", 5060)
    assert OwnNames([one, other]).read(b"<sip:a.EXAMPLE;lr>") == (one, b"")


@pytest.mark.parametrize(
    ("incoming", "outgoing", "secure", "uris"),
    [
        (UDP, UDP, False, [b"sip:%b198.51.100.99:5060;lr"]),
        (TCP, TCP, False, [b"sip:%b198.51.100.99:5060;transport=tcp;lr"]),
        (TLS, TLS, False, [b"sip:%b198.51.100.99:5061;transport=tls;lr"]),
        (TLS, TLS, True, [b"sips:%b198.51.100.99:5061;lr"]),
        (SIX, SIX, False, [b"sip:%b[2001:db8::99]:5060;lr"]),
        # RFC 5658 §4: the side that the request leaves by stands on top.
        (UDP, INNER, False, [b"sip:%b10.0.0.1:5080;lr", b"sip:%b198.51.100.99:5060;lr"]),
        (TCP, SIX, False, [b"sip:%b[2001:db8::99]:5060;lr", b"sip:%b198.51.100.99:5060;transport=tcp;lr"]),
        (TLS, UDP, False, [b"sip:%b198.51.100.99:5060;lr", b"sip:%b198.51.100.99:5061;transport=tls;lr"]),
        # A side without TLS cannot be reached by a sips URI.
        (TLS, UDP, True, [b"sip:%b198.51.100.99:5060;lr", b"sips:%b198.51.100.99:5061;lr"]),
        (TCP, TLS, True, [b"sips:%b198.51.100.99:5061;lr", b"sip:%b198.51.100.99:5060;transport=tcp;lr"]),
    ],
)
def test_record_route(incoming: Listener, outgoing: Listener, secure: bool, uris: list[bytes]) -> None:
    lines = record_route(TOKEN, incoming, outgoing, secure)
    assert lines == b"".join(b"Record-Route: <" + uri % T + b">\r\n" for uri in uris)


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("outgoing", LISTENERS)
@pytest.mark.parametrize("incoming", LISTENERS)
def test_what_we_record_we_read_back(incoming: Listener, outgoing: Listener, secure: bool) -> None:
    lines = record_route(TOKEN, incoming, outgoing, secure).split(b"\r\n")[:-1]
    values = [line.removeprefix(b"Record-Route: ") for line in lines]
    assert [OWN.read(value) for value in values] == [(outgoing, TOKEN), (incoming, TOKEN)][: len(values)]
    for value in values:
        _, uri, params = name_addr(value)
        assert params == {}
        assert "lr" in parse_uri(uri).params
