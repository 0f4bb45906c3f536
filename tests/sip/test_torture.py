"""The message sets of RFC 4475 and RFC 5118 and captured traffic: outcomes at the parser, whole and over a stream.

What the proxy does with the well-formed ones is played through the engine elsewhere, by the same manifest.
"""

from __future__ import annotations

import warnings

import pytest
from tests.support import messages
from tests.support.torture import Case, corpus_elsewhere, rfc4475, rfc5118, shipped_corpus

from ringfence.sip.errors import BadSyntax, SipError, UnsupportedScheme, UnsupportedVersion
from ringfence.sip.framing import Ping, StreamFramer, Unframeable
from ringfence.sip.message import Request, Response, parse
from ringfence.sip.uri import name_addr, parse_uri
from ringfence.sip.writer import salvaged_response

LIMIT = 65_535
CASES = rfc4475()
NEXT = messages.request(line=b"OPTIONS sip:192.0.2.1 SIP/2.0", CSeq=b"1 OPTIONS", Call_ID=b"next")

# Invalid as messages, yet no field that a proxy reads is broken: passed on as they are, as the manifest allows.
PASSED_ON = {
    "baddate.dat": "a proxy has no use for Date (RFC 4475 §3.1.2.12)",
    "regbadct.dat": "Contact is the registrar's business (§3.1.2.13)",
}
# Their ends cannot be told on a stream, so the connection closes after the refusal (RFC 3261 §18.3).
UNFRAMEABLE = {
    "ncl.dat": "Content-Length is negative",
    "mcl01.dat": "two Content-Lengths",
    "inv2543.dat": "none: RFC 2543 let the close of the connection end a body, RFC 3261 §18.3 does not",
}
# What stands behind the first message of these datagrams is more than one message.
TRAILING = {"dblreq.dat": "a second request, longer than its Content-Length (§3.1.1.8)"}
INCOMPLETE = {"clerr.dat": "Content-Length promises more than there is (§3.1.2.2)"}


def outcome(data: bytes) -> Request | Response | SipError:
    try:
        return parse(data)
    except SipError as error:
        return error


def ids(case: Case) -> str:
    return case.file


def test_both_sets_are_complete() -> None:
    assert len(CASES) == len({case.file for case in CASES}) == 49
    assert len(rfc5118()) == 12


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_outcome_at_the_parser(case: Case) -> None:
    result = outcome(case.data)
    if isinstance(result, SipError):
        # Whatever a proxy may do besides, refusing must be allowed: with that status, or silence for a response.
        assert ("drop" if result.status is None else str(result.status)) in case.allowed, result
        assert case.verdict == "invalid" or isinstance(result, UnsupportedScheme)
    else:
        assert isinstance(result, Request if case.kind == "request" else Response)
        assert case.data.startswith(result.data[: result.index.line_end])
        assert case.verdict == "valid" or case.file in PASSED_ON
        if case.must_not_contain:
            assert case.must_not_contain not in result.data
        if case.body_exact:
            assert result.body == case.data.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("badvers.dat", UnsupportedVersion),
        ("unkscm.dat", UnsupportedScheme),
        ("novelsc.dat", UnsupportedScheme),
        ("lwsruri.dat", BadSyntax),
        ("ltgtruri.dat", BadSyntax),
        ("escruri.dat", BadSyntax),
    ],
)
def test_the_error_says_which_response_is_owed(file: str, kind: type[SipError]) -> None:
    (case,) = [case for case in CASES if case.file == file]
    assert type(outcome(case.data)) is kind


@pytest.mark.parametrize("case", [c for c in CASES if c.verdict == "invalid" and c.kind == "request"], ids=ids)
def test_a_refused_request_can_be_answered(case: Case) -> None:
    result = outcome(case.data)
    if not isinstance(result, SipError):
        assert case.file in PASSED_ON
        return
    assert result.status is not None
    answer = salvaged_response(case.data, result.status, b"Refused", "192.0.2.99", 5060)
    if case.file == "badinv01.dat":
        assert answer is None, "its Via shows no way home"
        return
    assert answer is not None
    assert answer.startswith(b"SIP/2.0 %d Refused\r\nVia" % result.status)
    assert b"received=192.0.2.99" in answer
    assert not case.data.partition(b"\r\n\r\n")[2] or answer.endswith(b"Content-Length: 0\r\n\r\n")


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_byte_by_byte_over_a_stream(case: Case) -> None:
    framer = StreamFramer(LIMIT)
    frames: list[bytes | Ping] = []
    try:
        for at in range(len(case.data)):
            frames += framer.feed(case.data[at : at + 1])
    except Unframeable as error:
        assert case.file in UNFRAMEABLE.keys() | TRAILING.keys(), error
        assert frames if case.file in TRAILING else framer.rest
        if case.file in TRAILING:
            assert frames[0] == parse(case.data).data
        return
    assert case.file not in UNFRAMEABLE
    if case.file in INCOMPLETE:
        assert not frames
        assert framer.pending == len(case.data)
        return
    assert frames == [case.data]


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_with_another_message_behind_it(case: Case) -> None:
    framer = StreamFramer(LIMIT)
    try:
        frames = framer.feed(case.data + NEXT)
    except Unframeable as error:
        assert case.file in UNFRAMEABLE.keys() | TRAILING.keys()
        frames = error.frames
        assert bool(frames) == (case.file in TRAILING)
        return
    if case.file in INCOMPLETE:
        assert not frames  # it waits for as many bytes as it promised
        return
    assert frames == [case.data, NEXT]


@pytest.mark.parametrize("case", [c for c in CASES if c.verdict == "valid"], ids=ids)
def test_a_datagram_drops_what_stands_behind_the_length(case: Case) -> None:
    alone = outcome(case.data)
    followed = outcome(case.data + NEXT)
    if isinstance(alone, SipError):
        assert type(followed) is type(alone)
    elif case.file != "inv2543.dat":  # without a Content-Length the datagram is all body
        assert not isinstance(followed, SipError)
        assert followed.data == alone.data


def test_odd_but_valid_details_are_read_right() -> None:
    found = {
        case.file: parse(case.data)
        for case in CASES
        if case.file
        in (
            "wsinv.dat",
            "intmeth.dat",
            "esc01.dat",
            "escnull.dat",
            "semiuri.dat",
            "noreason.dat",
            "unreason.dat",
            "longreq.dat",
        )
    }
    wsinv = found["wsinv.dat"]
    assert (wsinv.cseq_number, wsinv.max_forwards, wsinv.from_tag, wsinv.to_tag) == (9, 68, b"98asjd8", b"1918181833n")
    assert (wsinv.via_host, wsinv.via_branch, wsinv.from_display) == (b"192.0.2.2", b"390skdjuw", 'J Rosenberg \\"')
    assert len(wsinv.body) == 150
    intmeth = found["intmeth.dat"]
    assert isinstance(intmeth, Request)
    assert intmeth.method == b"!interesting-Method0123456789_*+`.%indeed'~"
    assert name_addr(intmeth.header(3) or b"")[0] == "BEL:\a NUL:\0 DEL:\x7f"
    assert parse_uri(found["esc01.dat"].from_uri).user == "I have spaces"
    escnull = parse_uri(found["escnull.dat"].to_uri)
    assert (escnull.user, escnull.host) == ("null-\0-null", "example.com")
    semiuri = found["semiuri.dat"]
    assert isinstance(semiuri, Request)
    assert parse_uri(semiuri.uri).user == "user;par=u@example.net"
    noreason = found["noreason.dat"]
    assert isinstance(noreason, Response)
    assert (noreason.status, noreason.reason) == (100, b"")
    unreason = found["unreason.dat"]
    assert isinstance(unreason, Response)
    assert unreason.reason.decode().startswith("= 2**3 * 5**2 но сто")
    assert found["longreq.dat"].index.count(1) == 34


@pytest.mark.parametrize("case", rfc5118(), ids=lambda case: case.file)
def test_ipv6(case) -> None:  # type: ignore[no-untyped-def]
    framer = StreamFramer(LIMIT)
    frames = [frame for at in range(len(case.data)) for frame in framer.feed(case.data[at : at + 1])]
    assert frames == [case.data]
    result = outcome(case.data)
    if not case.valid:
        assert isinstance(result, BadSyntax)
        return
    assert isinstance(result, Request)
    assert result.data == case.data
    uri = parse_uri(result.uri)
    assert (uri.host, uri.port) == case.target
    assert b"[" not in result.via_host


def feed_to_everything(message: bytes) -> bool:
    """True if it is a message; raises whatever is not a SipError."""
    framer = StreamFramer(LIMIT)
    try:
        framer.feed(message)
    except SipError:
        pass
    result = outcome(message)
    if isinstance(result, SipError):
        salvaged_response(message, result.status or 400, b"Refused", "192.0.2.99", 5060)
        return False
    return True


def with_line_ends(message: bytes) -> bytes:
    """The message as it was on the wire, where a repository's tools turned CRLF into LF."""
    return message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def test_captured_traffic_raises_only_the_parsers_own_error() -> None:
    read = [feed_to_everything(with_line_ends(message)) for message in shipped_corpus()]
    assert len(read) == 18
    assert sum(read) >= 11  # the others were made to be refused, or are no message at all
    for message in shipped_corpus():
        feed_to_everything(message)


def test_corpus_that_may_not_be_shipped() -> None:
    corpus = corpus_elsewhere()
    if corpus is None:
        warnings.warn("NOT TESTED: ../shared/sip-torture/corpus (GPL and other captures) is not there", stacklevel=1)
        return
    read = [feed_to_everything(with_line_ends(message)) for message in corpus]
    assert sum(read) > len(corpus) * 0.8  # most of it is ordinary traffic
    for message in corpus:
        feed_to_everything(message)
