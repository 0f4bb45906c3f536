from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.forwarding.support import INNER, OWN, SIGNER, TOKEN, UDP, request

from ringfence.forwarding.route import addr_spec, is_loose, path_of
from ringfence.sip.address import Listener

OTHER_TOKEN = SIGNER.sign(b"another", b"call")
TARGET = b"sip:callee@203.0.113.5"
OURS = b"<sip:rf-" + TOKEN + b"@198.51.100.99:5060;lr>"
OURS_INNER = b"<sip:rf-" + TOKEN + b"@10.0.0.1:5080;lr>"
OURS_OTHER = b"<sip:rf-" + OTHER_TOKEN + b"@10.0.0.1:5080;lr>"
OURS_BARE = b"<sip:198.51.100.99;lr>"
LOOSE = b"<sip:p1.example.net;lr>"
LOOSE_2 = b"<sip:p2.example.net:5070;lr;transport=tcp>"
STRICT = b"<sip:strict.example.net>"


def path(*routes: bytes, uri: bytes = TARGET) -> tuple[bytes, list[bytes], bytes, bytes | None, Listener | None, bool]:
    """Each of `routes` is one Route line's value."""
    lines = [b"Route: " + route for route in routes]
    found = path_of(request(*lines, line=b"BYE " + uri + b" SIP/2.0", CSeq=b"2 BYE"), OWN)
    return (found.uri, found.routes, found.next_uri, found.token, found.listener, found.changed)


def test_without_a_route_the_request_uri_leads() -> None:
    assert path() == (TARGET, [], TARGET, None, None, False)


def test_somebody_elses_route_is_followed_and_left_in_place() -> None:
    assert path(LOOSE, LOOSE_2) == (TARGET, [LOOSE, LOOSE_2], b"sip:p1.example.net;lr", None, None, False)


@pytest.mark.parametrize("lines", [(OURS,), (OURS_BARE, OURS), (OURS + b" , " + OURS_INNER,), (OURS, OURS_INNER)])
def test_own_entries_are_taken_off_single_and_double(lines: tuple[bytes, ...]) -> None:
    uri, routes, next_uri, token, listener, changed = path(*lines)
    assert (uri, routes, next_uri, changed) == (TARGET, [], TARGET, True)
    assert token == (b"" if lines[0] == OURS_BARE else TOKEN)  # the topmost entry's
    assert listener is (INNER if OURS_INNER in lines[-1] else UDP)  # the last entry's: the side to leave by


@pytest.mark.parametrize(
    "lines", [(OURS + b"," + LOOSE + b", " + LOOSE_2,), (OURS, LOOSE + b"," + LOOSE_2), (OURS, LOOSE, LOOSE_2)]
)
def test_what_is_left_leads(lines: tuple[bytes, ...]) -> None:
    assert path(*lines) == (TARGET, [LOOSE, LOOSE_2], b"sip:p1.example.net;lr", TOKEN, UDP, True)


def test_own_entries_behind_others_are_left_for_the_next_pass() -> None:
    """A spiral: the call comes through us again behind another proxy."""
    assert path(OURS, LOOSE, OURS_OTHER)[1] == [LOOSE, OURS_OTHER]


def test_the_token_is_the_topmost_entrys() -> None:
    assert path(OURS, OURS_OTHER)[3] == TOKEN
    assert path(OURS_OTHER, OURS)[3] == OTHER_TOKEN


def test_quoted_commas_and_brackets_part_nothing() -> None:
    odd = b'"a, <sip:evil.example;lr>" <sip:p1.example.net;lr>'
    assert path(OURS + b", " + odd)[:3] == (TARGET, [odd], b"sip:p1.example.net;lr")


# -- strict routers (§16.12.1.2) ---------------------------------------------------------------------------------


def test_a_strict_router_behind_us_gets_the_target_as_its_last_route() -> None:
    """§16.6 item 6: the Request-URI becomes the last Route, the first Route the Request-URI."""
    assert path(OURS, STRICT, LOOSE) == (
        b"sip:strict.example.net",
        [LOOSE, b"<" + TARGET + b">"],
        b"sip:strict.example.net",
        TOKEN,
        UDP,
        True,
    )


def test_a_strict_router_without_an_entry_of_ours() -> None:
    assert path(STRICT) == (
        b"sip:strict.example.net",
        [b"<" + TARGET + b">"],
        b"sip:strict.example.net",
        None,
        None,
        True,
    )


def test_a_strict_router_before_us_left_our_name_in_the_request_uri() -> None:
    """§16.4: "the proxy MUST replace the Request-URI in the request with the last value from the Route"."""
    uri = OURS[1:-1]
    assert path(LOOSE, b"<" + TARGET + b">", uri=uri) == (
        TARGET,
        [LOOSE],
        b"sip:p1.example.net;lr",
        TOKEN,
        UDP,
        True,
    )
    assert path(b"<" + TARGET + b">;x=1", uri=uri) == (TARGET, [], TARGET, TOKEN, UDP, True)
    assert path(b"<" + TARGET + b">", uri=b"sip:rf-" + TOKEN + b"@198.51.100.99")[:3] == (TARGET, [], TARGET)


def test_a_strict_router_before_our_double_record_route() -> None:
    found = path(OURS_INNER + b", " + STRICT + b", <" + TARGET + b">", uri=OURS[1:-1])
    assert found == (b"sip:strict.example.net", [b"<" + TARGET + b">"], b"sip:strict.example.net", TOKEN, INNER, True)


@pytest.mark.parametrize(
    "uri",
    [
        b"sip:rf-AAAA@198.51.100.99:5060",
        b"sip:198.51.100.99:5060;x=rf-",
        b"sip:rf-" + TOKEN + b"@203.0.113.9:5060;lr",
    ],
)
def test_a_request_uri_that_only_looks_like_ours_stays(uri: bytes) -> None:
    assert path(LOOSE, uri=uri) == (uri, [LOOSE], b"sip:p1.example.net;lr", None, None, False)


def test_our_name_in_the_request_uri_without_a_route_leads_nowhere() -> None:
    assert path(uri=OURS[1:-1])[3] is None


@pytest.mark.parametrize("route", [OURS + b",", b",", OURS + b', "open <sip:x>', OURS + b", <sip:x"])
def test_routes_that_cannot_be_told_apart_bear_no_token(route: bytes) -> None:
    assert path(route) == (TARGET, [], TARGET, None, None, False)


ROUTES = st.lists(st.sampled_from([OURS, OURS_INNER, OURS_OTHER, OURS_BARE, LOOSE, LOOSE_2, STRICT]), max_size=6)


@settings(max_examples=150)
@given(ROUTES, st.lists(st.booleans(), min_size=6, max_size=6))
def test_where_the_lines_end_makes_no_difference(routes: list[bytes], joined: list[bool]) -> None:
    lines: list[bytes] = []
    for route, join in zip(routes, joined, strict=False):
        if join and lines:
            lines[-1] += b", " + route
        else:
            lines.append(route)
    found = path(*lines)
    assert found == path(*routes)
    uri, left, next_uri, token, listener, changed = found
    ours = 0
    while ours < len(routes) and b"example" not in routes[ours]:
        ours += 1
    expected = routes[ours:]
    if expected and expected[0] == STRICT:
        assert (uri, left) == (b"sip:strict.example.net", [*expected[1:], b"<" + TARGET + b">"])
        assert (next_uri, changed) == (uri, True)
    else:
        assert (uri, left, changed) == (TARGET, expected, ours > 0)
        assert next_uri == (addr_spec(expected[0]) if expected else TARGET)
    assert (token is None) == (listener is None) == (ours == 0)


@pytest.mark.parametrize(
    ("route", "loose"),
    [
        (b"<sip:p.example;lr>", True),
        (b"<sip:p.example;transport=tcp;LR>", True),
        (b"<sip:p.example;lr=on;x>", True),
        (b"sip:p.example;lr", False),  # the header's parameter, not the URI's
        (b"<sip:p.example>;lr", False),
        (b"<sip:p.example;lrx>", False),
        (b"<sip:p.example;x=lr>", False),
        (b"<sip:p.example?lr=1>", False),
        (b"<sip:p.example?x=;lr>", False),
        (b"<sip:p.example;lr?x=1>", True),
        (b"<sip:user;lr@p.example>", False),  # the user part may hold a semicolon
        (b"<sip:user?x@p.example;lr>", True),
        (b'"x;lr" <sip:p.example>', False),
    ],
)
def test_who_is_a_loose_router(route: bytes, loose: bool) -> None:
    assert is_loose(route) is loose


@pytest.mark.parametrize(
    ("route", "uri"),
    [
        (b"<sip:p.example;lr>", b"sip:p.example;lr"),
        (b"P <sip:p.example>;x=1", b"sip:p.example"),
        (b'"a <sip:evil> \\" b"<sip:p.example>', b"sip:p.example"),
        (b"sip:p.example;lr", b"sip:p.example"),
        (b"sip:p.example ", b"sip:p.example"),
    ],
)
def test_the_uri_of_a_route(route: bytes, uri: bytes) -> None:
    assert addr_spec(route) == uri
