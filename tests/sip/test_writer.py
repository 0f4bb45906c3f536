from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import messages

from ringfence.sip.message import Request, Response, parse
from ringfence.sip.writer import PHRASES, response, salvaged_response, splice, stamped_via


def read(*more: bytes, **how: bytes | None) -> Request:
    message = parse(messages.request(*more, **how))  # type: ignore[arg-type]
    assert isinstance(message, Request)
    return message


@pytest.mark.parametrize(
    ("via", "stamped"),
    [
        # RFC 3261 §18.2.1: the sent-by is where it came from
        (b"SIP/2.0/UDP 192.0.2.9:5060;branch=b", b"SIP/2.0/UDP 192.0.2.9:5060;branch=b"),
        (b"SIP/2.0/UDP h.example;branch=b", b"SIP/2.0/UDP h.example;branch=b;received=192.0.2.9"),
        # RFC 3581 §4: with rport both are told, even when they are equal
        (b"SIP/2.0/UDP 192.0.2.9;branch=b;rport", b"SIP/2.0/UDP 192.0.2.9;branch=b;rport=7060;received=192.0.2.9"),
        (b"SIP/2.0/UDP h;rport;branch=b", b"SIP/2.0/UDP h;rport=7060;branch=b;received=192.0.2.9"),
        # what the sender claims about itself is replaced
        (b"SIP/2.0/UDP h;received=203.0.113.1;branch=b", b"SIP/2.0/UDP h;received=192.0.2.9;branch=b"),
        (b"SIP/2.0/UDP h;received=203.0.113.1;rport;x", b"SIP/2.0/UDP h;received=192.0.2.9;rport=7060;x"),
        (b"SIP/2.0/UDP h;rport;received=203.0.113.1", b"SIP/2.0/UDP h;rport=7060;received=192.0.2.9"),
        (
            b"SIP/2.0/UDP h ; rport ; branch=b, SIP/2.0/UDP i;rport",
            b"SIP/2.0/UDP h ; rport=7060 ; branch=b;received=192.0.2.9",
        ),
    ],
)
def test_stamped_via(via: bytes, stamped: bytes) -> None:
    assert stamped_via(read(Via=via), "192.0.2.9", 7060) == stamped


def test_an_ipv6_source_is_told_without_brackets() -> None:
    request = read(Via=b"SIP/2.0/UDP [2001:db8::1]:5060;branch=b")
    assert stamped_via(request, "2001:db8::1", 5060) == b"SIP/2.0/UDP [2001:db8::1]:5060;branch=b"
    assert stamped_via(request, "2001:db8::2", 5060).endswith(b";received=2001:db8::2")


def test_a_response_copies_what_identifies_the_request() -> None:
    request = read(
        b"v: SIP/2.0/UDP second;branch=2", b"Timestamp: 54", Via=b"SIP/2.0/UDP first;branch=1 , SIP/2.0/UDP middle"
    )
    made = response(request, 403, PHRASES[403], b"VIA-STAMPED", b"tt", b"Reason: Q.850;cause=21\r\n")
    assert made == b"\r\n".join(
        [
            b"SIP/2.0 403 Forbidden",
            b"Via: VIA-STAMPED , SIP/2.0/UDP middle",
            b"v: SIP/2.0/UDP second;branch=2",
            b'From: "Zhang San" <sip:+862155551234@192.0.2.10>;tag=19283',
            b"To: <sip:13800138000@192.0.2.1;user=phone>;tag=tt",
            b"Call-ID: a84b4c76e66710@192.0.2.10",
            b"CSeq: 314159 INVITE",
            b"Reason: Q.850;cause=21",
            b"Content-Length: 0",
            b"",
            b"",
        ]
    )


def test_trying_has_no_tag_of_ours_and_the_timestamp() -> None:
    request = read(b"Timestamp: 54")
    made = response(request, 100, b"Trying", stamped_via(request, "192.0.2.10", 5060), b"tt")
    assert b"To: <sip:13800138000@192.0.2.1;user=phone>\r\n" in made
    assert b"\r\nTimestamp: 54\r\n" in made


@pytest.mark.parametrize("to", [b"<sip:a@b>;tag=old", b"sip:a@b;tag=old", b"<sip:a@b> ;x;\r\n tag = old"])
def test_a_tag_that_is_there_stays(to: bytes) -> None:
    found = parse(response(read(To=to), 200, b"OK", b"SIP/2.0/UDP a;branch=1", b"new"))
    assert found.to_tag == b"old"


@given(
    status=st.integers(101, 699),
    phrase=st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8"), max_size=20),
    to=st.sampled_from([b"<sip:a@b>", b"sip:a@b", b"A <sip:a@b>  ", b"<sip:a@b>\r\n ;x=y"]),
    tag=st.text("abc019", min_size=1, max_size=8),
)
@settings(max_examples=100)
def test_a_response_reads_back(status: int, phrase: str, to: bytes, tag: str) -> None:
    request = read(To=to)
    made = response(request, status, phrase.encode(), stamped_via(request, "192.0.2.77", 6060), tag.encode())
    found = parse(made)
    assert isinstance(found, Response)
    assert (found.status, found.reason.decode()) == (status, phrase)
    assert (found.to_tag, found.from_tag, found.call_id) == (tag.encode(), request.from_tag, request.call_id)
    assert (found.cseq_number, found.cseq_method, found.body) == (request.cseq_number, b"INVITE", b"")
    assert found.via_branch == request.via_branch


def salvaged(data: bytes) -> bytes | None:
    return salvaged_response(data, 400, b"Bad Request", "192.0.2.9", 7060)


def test_a_salvaged_response_reads_back() -> None:
    made = salvaged(messages.request(b"v: SIP/2.0/UDP second", CSeq=b"1 OTHER"))
    found = parse(made or b"")
    assert isinstance(found, Response)
    assert found.status == 400
    assert found.index.values(1) == [
        b"SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK776a;rport=7060;received=192.0.2.9",
        b"SIP/2.0/UDP second",
    ]
    assert found.to_tag.startswith(b"rf-")
    assert made == salvaged(messages.request(b"v: SIP/2.0/UDP second", CSeq=b"1 OTHER"))


def test_what_is_missing_or_broken_is_left_out_and_repeats_are_copied_once() -> None:
    made = (
        salvaged(messages.request(b"To: second", b" folded", b"f: other", Call_ID=None, To=b'"open <sip:a@b>')) or b""
    )
    assert b"Call-ID" not in made
    assert b'\r\nTo: "open <sip:a@b>\r\n' in made
    assert b"second" not in made
    assert b"other" not in made
    assert b";tag=old\r\n" in (salvaged(messages.request(b"no colon", To=b"<sip:a@b>;tag=old")) or b"")


def test_a_line_break_of_ones_own_is_never_copied() -> None:
    made = salvaged(messages.request(From=b"<sip:a@b>\nVia: SIP/2.0/UDP evil", To=b"<sip:a@b>;tag=1\rX: y")) or b""
    assert b"evil" not in made
    assert b"X: y" not in made
    assert salvaged(messages.request(Via=b"SIP/2.0/UDP a\nX: y")) is None
    assert salvaged(messages.request(b"Via: SIP/2.0/UDP b\rX: y")) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"nonsense",
        messages.response(),
        messages.request(line=b"ACK sip:a SIP/2.0"),
        messages.request(Via=None),
        messages.request(Via=b"SIP/2.0/UDP"),
        messages.request(line=b"GET / HTTP/1.1"),
        b"INVITE sip:a SIP/2.0\r\n Via: SIP/2.0/UDP folded\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\nVia\r\n\r\n",
    ],
)
def test_nobody_is_answered(data: bytes) -> None:
    assert salvaged(data) is None


def test_a_message_cut_short_is_answered() -> None:
    data = messages.request().partition(b"CSeq")[0]
    assert (salvaged(data) or b"").startswith(b"SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;")


def test_splice() -> None:
    assert splice(b"0123456789", []) == b"0123456789"
    assert splice(b"0123456789", [(8, 9, b"B"), (0, 0, b"<"), (2, 4, b"a"), (10, 10, b">")]) == b"<01a4567B9>"
    assert splice(b"0123", [(2, 3, b"c"), (2, 2, b"a"), (2, 2, b"b")]) == b"01abc3"


@pytest.mark.parametrize(
    "edits", [[(0, 3, b""), (2, 4, b"")], [(5, 4, b"")], [(9, 11, b"")], [(-1, 2, b"")], [(11, 11, b"")]]
)
def test_impossible_edits_are_a_bug(edits: list[tuple[int, int, bytes]]) -> None:
    with pytest.raises(ValueError, match="edit"):
        splice(b"0123456789", edits)


@given(st.binary(max_size=60), st.data())
@settings(max_examples=150)
def test_splicing_changes_the_edits_and_nothing_else(data: bytes, draw: st.DataObject) -> None:
    places = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=8)))
    pairs = list(zip(places[::2], places[1::2], strict=False))
    new = [draw.draw(st.binary(max_size=5)) for _ in pairs]
    expected = b""
    last = 0
    for (start, end), bytes_ in zip(pairs, new, strict=True):
        expected += data[last:start] + bytes_
        last = end
    expected += data[last:]
    edits = [(start, end, bytes_) for (start, end), bytes_ in zip(pairs, new, strict=True)]
    if len({start for start, _ in pairs}) == len(pairs):
        draw.draw(st.randoms()).shuffle(edits)
    assert splice(data, edits) == expected
