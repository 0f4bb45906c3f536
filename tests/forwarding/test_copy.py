from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.forwarding.support import SIX, TCP, TLS, UDP, read, request
from tests.support import messages

from ringfence.forwarding.copy import forwarded
from ringfence.forwarding.route import Path
from ringfence.sip.address import Listener
from ringfence.sip.writer import stamped_via

BRANCH = b"z9hG4bKours1.deadbeef"
OUR_VIA = b"Via: SIP/2.0/UDP 198.51.100.99:5060;branch=z9hG4bKours1.deadbeef\r\n"


def test_only_what_is_named_changes() -> None:
    original = messages.request(
        b"P-Own: cut out",
        b"x-unknown :  folded\r\n\tand kept",
        b"Route: <sip:next.example.net;lr>",
        body=b"\x00\xff any\r\n\r\nbytes",
    )
    invite = read(original)
    cut = invite.index.spans_with_prefix(b"p-own")
    path = Path(invite.uri, invite.routes)
    via = stamped_via(invite, "192.0.2.10", 6060)
    lines = b"Record-Route: <sip:us;lr>\r\nP-Own: ours\r\n"
    data = forwarded(invite, path, UDP, BRANCH, via, lines, [(start, end, b"") for start, end in cut])
    assert data == (
        original.replace(b"SIP/2.0\r\n", b"SIP/2.0\r\n" + lines + OUR_VIA, 1)
        .replace(b";rport\r\n", b";rport=6060;received=192.0.2.10\r\n")
        .replace(b"Max-Forwards: 70", b"Max-Forwards: 69")
        .replace(b"P-Own: cut out\r\n", b"")
    )


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        (b"Max-Forwards: 1\r\n", b"Max-Forwards: 0\r\n"),
        (b"max-forwards :\t70\r\n", b"Max-Forwards: 69\r\n"),
        (b"MAX-FORWARDS:\r\n 070\r\n", b"Max-Forwards: 69\r\n"),
        (b"Max-Forwards: 255\r\n", b"Max-Forwards: 254\r\n"),
    ],
)
def test_max_forwards_counts_down_in_its_place(written: bytes, sent: bytes) -> None:
    original = messages.request().replace(b"Max-Forwards: 70\r\n", written)
    invite = read(original)
    via = original[slice(*invite.via_span)]
    data = forwarded(invite, Path(invite.uri, []), UDP, BRANCH, via)
    assert data == original.replace(b"SIP/2.0\r\n", b"SIP/2.0\r\n" + OUR_VIA, 1).replace(written, sent)


def test_max_forwards_is_put_in_where_none_is() -> None:
    """§16.6 item 3: "SHOULD be 70"."""
    invite = request(Max_Forwards=None)
    data = forwarded(invite, Path(invite.uri, []), UDP, BRANCH, stamped_via(invite, "192.0.2.10", 5060))
    assert data.startswith(invite.data[: invite.index.line_end + 2] + b"Max-Forwards: 70\r\n" + OUR_VIA)
    assert read(data).max_forwards == 70


def test_a_changed_path_is_written_anew() -> None:
    """All Route lines go, those that are left are written on top, the Request-URI changes."""
    invite = request(
        b"Route: <sip:a.example;lr>,",
        line=b"BYE sip:old@192.0.2.1 SIP/2.0",
        CSeq=b"2 BYE",
        Via=b"SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx\r\nROUTE : <sip:b.example;lr>, <sip:c.example;lr>",
    )
    path = Path(b"sip:new@10.1.1.1", [b"<sip:b.example;lr>", b'"C" <sip:c.example;lr>;x=1'])
    path.changed = True
    data = forwarded(invite, path, UDP, BRANCH, stamped_via(invite, "192.0.2.10", 5060))
    assert data == (
        b"BYE sip:new@10.1.1.1 SIP/2.0\r\n"
        + b'Route: <sip:b.example;lr>, "C" <sip:c.example;lr>;x=1\r\n'
        + OUR_VIA
        + messages.request(
            line=b"",
            CSeq=b"2 BYE",
            Via=b"SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKx",
            Max_Forwards=b"69",
        )[2:]
    )


def test_routes_that_did_not_change_stay_where_they_are() -> None:
    invite = request(b"Route: <sip:a.example;lr> ,<sip:b.example>")
    data = forwarded(invite, Path(invite.uri, invite.routes), UDP, BRANCH, stamped_via(invite, "192.0.2.10", 5060))
    assert b"Route: <sip:a.example;lr> ,<sip:b.example>\r\n" in data
    assert data.count(b"Route") == 1


@pytest.mark.parametrize("listener", [TCP, TLS])
def test_a_stream_gets_a_content_length(listener: Listener) -> None:
    """§16.6 item 10; a datagram may do without (§18.3)."""
    invite = request(length=b"", body=messages.SDP)
    path = Path(invite.uri, [])
    via = stamped_via(invite, "192.0.2.10", 5060)
    data = forwarded(invite, path, listener, BRANCH, via)
    assert data.count(b"\r\nContent-Length: %d\r\n" % len(messages.SDP)) == 1
    assert read(data).body == messages.SDP
    assert b"Content-Length" not in forwarded(invite, path, UDP, BRANCH, via)


@pytest.mark.parametrize("spelling", [b"Content-Length: 0", b"l: 0", b"content-length :0"])
def test_a_content_length_is_never_doubled(spelling: bytes) -> None:
    invite = request(spelling, length=b"")
    data = forwarded(invite, Path(invite.uri, []), TCP, BRANCH, stamped_via(invite, "192.0.2.10", 5060))
    assert read(data).index.count(10) == 1


def test_the_via_names_the_listener_that_it_leaves_by() -> None:
    invite = request()
    data = forwarded(invite, Path(invite.uri, []), SIX, BRANCH, stamped_via(invite, "192.0.2.10", 5060))
    assert b"\r\nVia: SIP/2.0/UDP [2001:db8::99]:5060;branch=" + BRANCH + b"\r\n" in data


def test_several_vias_in_one_line_keep_their_order() -> None:
    invite = request(Via=b"SIP/2.0/UDP a.example;branch=z9hG4bK1 , SIP/2.0/TCP b.example;branch=z9hG4bK2")
    data = forwarded(invite, Path(invite.uri, []), UDP, BRANCH, stamped_via(invite, "192.0.2.10", 5060))
    assert (
        OUR_VIA
        + b"Via: SIP/2.0/UDP a.example;branch=z9hG4bK1;received=192.0.2.10 , SIP/2.0/TCP b.example;branch=z9hG4bK2"
        in data
    )


NAMES = st.sampled_from([b"X-A", b"Subject", b"s", b"Record-Route", b"p-ringfence-verdict", b"SUPPORTED", b"Allow"])
TEXT = st.binary(max_size=12).map(lambda raw: bytes(byte for byte in raw if byte >= 0x20 and byte != 0x7F) or b"v")
EXTRA = st.builds(
    lambda name, before, after, text, fold: name + before + b":" + after + text + fold,
    NAMES,
    st.sampled_from([b"", b" ", b"\t "]),
    st.sampled_from([b"", b" ", b"  "]),
    TEXT,
    st.sampled_from([b"", b"\r\n more", b"\r\n\t \r\n x"]),
)


@settings(max_examples=150)
@given(
    st.lists(EXTRA, max_size=6),
    st.integers(0, 6),
    st.binary(max_size=40),
    st.one_of(st.none(), st.integers(1, 255)),
    st.booleans(),
    st.booleans(),
)
def test_the_copy_is_the_original_but_for_the_named_changes(
    extra: list[bytes], above: int, body: bytes, hops: int | None, changed: bool, rport: bool
) -> None:
    """Lines are put together here by another way than by splicing."""
    via = b"SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1"
    fixed = [
        b"From: <sip:1@192.0.2.10>;tag=a",
        b"To: <sip:2@192.0.2.1>",
        b"i: c1",
        b"CSeq: 1 INVITE",
        b"l: %d" % len(body),
    ]
    route = b"Route: <sip:gone.example;lr>"
    ours = [b"Max-Forwards: 70"] if hops is None else []
    ours += [b"Route: <sip:left.example;lr>"] if changed else []
    stamp = b"=5062;received=192.0.2.10" if rport else b""

    def whole(
        line: bytes, top: list[bytes], stamp: bytes, hops: int | None, route: list[bytes], *above_via: bytes
    ) -> bytes:
        middle = [*above_via, b"v: " + via + (b";rport" if rport else b"") + stamp]
        middle += [] if hops is None else [b"Max-Forwards: %d" % hops]
        return b"\r\n".join([line, *top, *extra[:above], *middle, *route, *extra[above:], *fixed, b"", body])

    invite = read(whole(b"INVITE sip:2@192.0.2.1 SIP/2.0", [], b"", hops, [route]))
    path = Path(b"sip:3@192.0.2.3" if changed else invite.uri, [b"<sip:left.example;lr>"] if changed else invite.routes)
    path.changed = changed
    data = forwarded(invite, path, UDP, BRANCH, stamped_via(invite, "192.0.2.10", 5062))
    line = b"INVITE sip:3@192.0.2.3 SIP/2.0" if changed else b"INVITE sip:2@192.0.2.1 SIP/2.0"
    kept = [] if changed else [route]
    assert data == whole(line, ours, stamp, None if hops is None else hops - 1, kept, OUR_VIA[:-2])
