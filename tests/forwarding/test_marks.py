from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.forwarding.support import read, request
from tests.support import messages

from ringfence.forwarding.marks import named, stripped
from ringfence.sip.uri import name_addr, split_values
from ringfence.sip.writer import splice

PREFIX = "[可疑] ".encode()
OWN = b"p-ringfence-"


def without(line: bytes, trusted: bool, prefix: bytes = OWN) -> bytes:
    """What is left of a request with these lines, the plain ones apart."""
    invite = request(b"X-First: 1", line, b"X-Last: 1")
    data = splice(invite.data, stripped(invite, prefix, trusted))
    start, end = data.index(b"X-First: 1\r\n") + 12, data.index(b"X-Last: 1")
    assert data[:start] + data[end:] == messages.request(b"X-First: 1", b"X-Last: 1")
    return data[start:end]


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize(
    "line",
    [
        b"P-Ringfence-Verdict: forward",
        b"p-ringfence-verdict:forward",
        b"P-RINGFENCE-VERDICT : forward",
        b"P-Ringfence-Verdict \t : forward",
        b"P-Ringfence-Score: 0\r\n\t folded\r\n  twice",
        b"P-Ringfence-Score:\r\n 0",
        b"p-Ringfence-Anything-At-All:",
        b"P-Ringfence-A: 1\r\nP-Ringfence-B: 2\r\nP-Ringfence-A: 3",
    ],
)
def test_headers_in_our_name_are_taken_out_however_spelled(line: bytes, trusted: bool) -> None:
    assert without(line, trusted) == b""


@pytest.mark.parametrize(
    "line", [b"P-Ringfencer: x", b"X-P-Ringfence-Verdict: x", b"P-Ringfence: x", b"Subject: p-ringfence-verdict: x"]
)
def test_others_stay_as_they_are(line: bytes) -> None:
    assert without(line, False) == line + b"\r\n"


@pytest.mark.parametrize("line", [b"Subject: mine", b"s: mine", b"SUBJECT : mine", b"S:\r\n mine"])
def test_a_name_of_ours_with_a_compact_form_has_two_spellings(line: bytes) -> None:
    """An operator may choose a prefix that a registered name begins with."""
    assert without(line, True, b"subj") == b""


@pytest.mark.parametrize(
    "line",
    [
        b"P-Asserted-Identity: <sip:+8610000@bank.example>",
        b"p-asserted-identity :tel:+8610000\r\nP-ASSERTED-IDENTITY: <sip:1@x>,\r\n <tel:+1>",
        b"P-Preferred-Identity: <sip:+8610000@bank.example>",  # RFC 3325 §6: it goes no further
        b"Remote-Party-ID: <sip:+8610000@bank.example>;party=calling;screen=yes",
    ],
)
def test_only_a_trusted_trunk_asserts_identities(line: bytes) -> None:
    assert without(line, False) == b""
    assert without(line, True) == line + b"\r\n"


def test_routes_are_not_marks() -> None:
    assert without(b"Route: <sip:next.example;lr>", False) == b"Route: <sip:next.example;lr>\r\n"


def marked(line: bytes, trusted: bool = False) -> bytes:
    """The same line of a request after naming; nothing else may have changed."""
    is_from = line[:1] in b"Ff"
    if is_from:
        original = messages.request(From=None).replace(b"To:", line + b"\r\nTo:")
    else:
        original = messages.request(line)
    invite = read(original)
    data = splice(original, named(invite, PREFIX, trusted))
    if not is_from:
        data = data.replace(b'From: "' + PREFIX, b'From: "')
    before, after = original.split(line)
    assert data.startswith(before)
    assert data.endswith(after)
    again = read(data)
    assert (again.from_uri, again.from_tag, again.call_id) == (invite.from_uri, invite.from_tag, invite.call_id)
    return data[len(before) : len(data) - len(after)]


P = PREFIX


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'From: "Zhang" <sip:1@x>;tag=a', b'From: "' + P + b'Zhang" <sip:1@x>;tag=a'),
        (b'From:"Zhang"<sip:1@x>;tag=a', b'From:"' + P + b'Zhang"<sip:1@x>;tag=a'),
        (b'From: "" <sip:1@x>;tag=a', b'From: "' + P + b'" <sip:1@x>;tag=a'),
        (b'From: "A \\"<B>\\" ;C" <sip:1@x>;tag=a', b'From: "' + P + b'A \\"<B>\\" ;C" <sip:1@x>;tag=a'),
        (b"From: Zhang <sip:1@x>;tag=a", b'From: "' + P + b'Zhang" <sip:1@x>;tag=a'),
        (b"From: Zhang  San<sip:1@x>;tag=a", b'From: "' + P + b'Zhang  San" <sip:1@x>;tag=a'),
        (b"From: <sip:1@x>;tag=a", b'From: "' + P.rstrip() + b'" <sip:1@x>;tag=a'),
        (b"From:<sip:1@x;user=phone>", b'From:"' + P.rstrip() + b'" <sip:1@x;user=phone>'),
        (b"From: sip:1@x;tag=a", b'From: "' + P.rstrip() + b'" <sip:1@x>;tag=a'),
        (b"From: sip:1@x ;tag=a", b'From: "' + P.rstrip() + b'" <sip:1@x> ;tag=a'),
        (b"From: sip:1@x\r\n ;tag=a", b'From: "' + P.rstrip() + b'" <sip:1@x>\r\n ;tag=a'),
        (b"From: sip:1@x", b'From: "' + P.rstrip() + b'" <sip:1@x>'),
        (b"From: sip:1@x \t", b'From: "' + P.rstrip() + b'" <sip:1@x> \t'),
        # A bracket in a parameter is no address: what it holds must not become the caller.
        (
            b'From: sip:1@x;tag=a;x="<sip:victim@y>"',
            b'From: "' + P.rstrip() + b'" <sip:1@x>;tag=a;x="<sip:victim@y>"',
        ),
        (
            b'From: <sip:1@x>;tag=a;x="a, <sip:victim@y>"',
            b'From: "' + P.rstrip() + b'" <sip:1@x>;tag=a;x="a, <sip:victim@y>"',
        ),
        (b"From: tel:+8610;tag=a", b'From: "' + P.rstrip() + b'" <tel:+8610>;tag=a'),
        (b'f: "Zhang" <sip:1@x>;tag=a', b'f: "' + P + b'Zhang" <sip:1@x>;tag=a'),
        (b"F \t:  Zhang <sip:1@x>;tag=a", b'F \t:  "' + P + b'Zhang" <sip:1@x>;tag=a'),
        (b'From:\r\n "Zhang"\r\n <sip:1@x>;tag=a', b'From:\r\n "' + P + b'Zhang"\r\n <sip:1@x>;tag=a'),
        (b"From:\r\n\tZhang\r\n <sip:1@x>\r\n ;tag=a", b'From:\r\n\t"' + P + b'Zhang" <sip:1@x>\r\n ;tag=a'),
        (b"From: \xe5\xbc\xa0 <sip:1@x>;tag=a", b'From: "' + P + b'\xe5\xbc\xa0" <sip:1@x>;tag=a'),
    ],
)
def test_the_name_that_is_shown(line: bytes, expected: bytes) -> None:
    assert marked(line) == expected
    assert marked(line, trusted=True) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'P-Asserted-Identity: "B" <sip:1@x>', b'P-Asserted-Identity: "' + P + b'B" <sip:1@x>'),
        (b"p-asserted-identity : <tel:+1>", b'p-asserted-identity : "' + P.rstrip() + b'" <tel:+1>'),
        (  # its parameters are the URI's: the header has none (RFC 3325 §9.1)
            b"P-Asserted-Identity: tel:10086;phone-context=+86",
            b'P-Asserted-Identity: "' + P.rstrip() + b'" <tel:10086;phone-context=+86>',
        ),
        (
            b'P-Asserted-Identity: "A, B" <sip:1@x>, <tel:+1>',
            b'P-Asserted-Identity: "' + P + b'A, B" <sip:1@x>, "' + P.rstrip() + b'" <tel:+1>',
        ),
        (
            b"P-Asserted-Identity: sip:1@x , tel:+1",
            b'P-Asserted-Identity: "' + P.rstrip() + b'" <sip:1@x> , "' + P.rstrip() + b'" <tel:+1>',
        ),
        (
            b"P-Asserted-Identity: sip:1@x,<tel:+1;a=b,c>",
            b'P-Asserted-Identity: "' + P.rstrip() + b'" <sip:1@x>,"' + P.rstrip() + b'" <tel:+1;a=b,c>',
        ),
        (
            b'P-Asserted-Identity: Bank <sip:1@x>\r\nP-ASSERTED-IDENTITY:\r\n "T" <tel:+1>',
            b'P-Asserted-Identity: "' + P + b'Bank" <sip:1@x>\r\nP-ASSERTED-IDENTITY:\r\n "' + P + b'T" <tel:+1>',
        ),
        (b"P-Asserted-Identity:", b"P-Asserted-Identity:"),
        (b"P-Asserted-Identity: \r\n\t", b"P-Asserted-Identity: \r\n\t"),
    ],
)
def test_identities_of_a_trusted_trunk_are_marked_too(line: bytes, expected: bytes) -> None:
    assert marked(line, trusted=True) == expected
    assert marked(line, trusted=False) == line  # `stripped` takes it out


@settings(max_examples=150)
@given(st.binary(max_size=30).map(lambda raw: bytes(byte for byte in raw if byte not in b"\r\n\0")))
def test_no_identity_however_broken_breaks_the_message(value: bytes) -> None:
    """It is not parsed where the message is: whatever a trusted trunk writes, the copy can be made and read."""
    invite = request(b"P-Asserted-Identity: " + value, b"X-Last: 1")
    data = splice(invite.data, named(invite, PREFIX, True))
    again = read(data)
    assert again.from_uri == invite.from_uri
    assert again.index.named(b"x-last") == [b"1"]
    assert len(again.index.values(16)) == 1


ADDRESS = st.builds(
    lambda name, uri: name + b"<" + uri + b">" if name is not None else uri,
    st.sampled_from([None, b"", b" ", b"Bank ", b'"B, <k>" ', b'"\\"" ']),
    st.sampled_from([b"sip:+8610000@x", b"tel:+8610000", b"sips:a@[2001:db8::1]:5061"]),
)


@settings(max_examples=100)
@given(st.lists(ADDRESS, min_size=1, max_size=3), st.sampled_from([b",", b" , ", b",\r\n "]))
def test_marks_change_names_never_numbers(addresses: list[bytes], comma: bytes) -> None:
    invite = request(b"P-Asserted-Identity: " + comma.join(addresses))
    again = read(splice(invite.data, named(invite, PREFIX, True)))
    before = [name_addr(value) for value in split_values(invite.index.values(16)[0])]
    after = [name_addr(value) for value in split_values(again.index.values(16)[0])]
    assert [uri for _, uri, _ in after] == [uri for _, uri, _ in before]
    assert all(display.startswith(PREFIX.decode().strip()) for display, _, _ in after)
    assert [
        display.removeprefix(PREFIX.decode()) for display, _, _ in after if display.endswith(("Bank", ">", '"'))
    ] == [display for display, _, _ in before if display]
