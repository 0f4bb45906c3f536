"""From bytes of an INVITE to the call that is judged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.trunks import trunk_of

from ringfence.numbering import Kind, Numbering, NumberingSettings
from ringfence.numbering.number import MAX_RAW
from ringfence.screening import Call, Intake
from ringfence.sip.errors import SipError
from ringfence.sip.message import Request, parse
from ringfence.sip.plain import number_of_address, number_of_uri
from ringfence.sip.uri import name_addr, parse_uri

OWN, OTHER = "+862162345678", "+862162345679"
INTAKE = Intake(Numbering(NumberingSettings()))


def invite(
    *headers: str,
    shown: str = f'"Acme" <sip:{OWN}@pbx.example>',
    target: str = "sip:+8613912345678@gw.example;user=phone",
    to: str = "<sip:+8613912345678@gw.example>",
) -> Request:
    lines = [
        f"INVITE {target} SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc",
        "Max-Forwards: 70",
        f"From: {shown};tag=a",
        f"To: {to}",
        "Call-ID: abc@192.0.2.1",
        "CSeq: 1 INVITE",
        *headers,
        "Content-Length: 0",
    ]
    request = parse(("\r\n".join(lines) + "\r\n\r\n").encode())
    assert isinstance(request, Request)
    return request


@pytest.fixture
def read(make_trunk: Any) -> Any:
    """The call of an INVITE, given by headers to add and parts to replace."""

    def make(*headers: str, trusted: bool = True, area: str | None = None, **parts: str) -> Call:
        trunk = make_trunk(trust_identity=trusted, area=area)
        return INTAKE.call(invite(*headers, **parts), trunk, "udp", 1000.0)

    return make


def test_a_plain_call(read: Any) -> None:
    call = read()
    assert (call.shown.value, call.caller.value, call.callee.value) == (OWN, OWN, "+8613912345678")
    assert (call.asserted, call.identities, call.private) == (None, (), False)
    assert (call.display, call.transport, call.at, call.trunk.name) == ("Acme", "udp", 1000.0, "acme")
    assert call.caller is call.shown


@pytest.mark.parametrize(
    ("shown", "value", "kind"),
    [
        (f"<sip:{OWN}@pbx.example>", OWN, Kind.E164),
        (f"sip:{OWN}@pbx.example", OWN, Kind.E164),
        ("<SIPS:02162345678@pbx.example:5061>", OWN, Kind.E164),
        (f"<tel:{OWN}>", OWN, Kind.E164),
        ("<tel:62345678;phone-context=+8621>", OWN, Kind.E164),
        ("<sip:62345678;phone-context=+8621@pbx.example;user=phone>", OWN, Kind.E164),
        ("<sip:%2B8621-6234-5678@pbx.example>", OWN, Kind.E164),
        (f"<sip:{OWN}:secret@pbx.example>", OWN, Kind.E164),
        (f"<sip:{OWN}@[2001:db8::1]:5060>", OWN, Kind.E164),
        (f"<sip:{OWN}@pbx.example;transport=tcp>", OWN, Kind.E164),
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', "", Kind.ANONYMOUS),
        ("<sip:pbx.example>", "", Kind.EMPTY),
        ("<sip:alice@pbx.example>", "", Kind.MALFORMED),
        ("<mailto:alice@pbx.example>", "", Kind.MALFORMED),
        (f"<sip:{OWN}@pbx.example:99999>", "", Kind.MALFORMED),
        ("<sip:12345678901234567890@pbx.example>", "", Kind.TOO_LONG),
    ],
)
def test_every_form_of_from(read: Any, shown: str, value: str, kind: Kind) -> None:
    call = read(shown=shown)
    assert (call.shown.value, call.shown.kind) == (value, kind)


def test_the_trunks_area_completes_local_numbers(read: Any) -> None:
    call = read(
        "P-Asserted-Identity: <sip:62345679@pbx.example>",
        shown="<sip:62345678@pbx.example>",
        target="sip:62340000@gw.example",
        area="021",
    )
    assert (call.shown.value, call.asserted.value, call.callee.value) == (OWN, OTHER, "+862162340000")


@pytest.mark.parametrize(
    ("headers", "values", "asserted"),
    [
        ([f"P-Asserted-Identity: <sip:{OTHER}@pbx.example>"], [OTHER], OTHER),
        ([f'P-Asserted-Identity: "Acme" <sip:{OTHER}@pbx.example:5060;user=phone>'], [OTHER], OTHER),
        ([f"p-asserted-identity : <tel:{OTHER}>"], [OTHER], OTHER),
        ([f"P-Asserted-Identity: sip:{OTHER}@pbx.example"], [OTHER], OTHER),
        ([f"P-Asserted-Identity: <sip:{OTHER}@pbx.example>, <tel:{OTHER}>"], [OTHER, OTHER], OTHER),
        ([f"P-Asserted-Identity: <sip:{OTHER}@p>", f"P-Asserted-Identity: <tel:{OWN}>"], [OTHER, OWN], OTHER),
        ([f"P-Asserted-Identity: <sip:acme@pbx.example>, <tel:{OWN}>"], ["", OWN], OWN),
        ([f'P-Asserted-Identity: "a, <b>" <sip:{OTHER}@pbx.example>'], [OTHER], OTHER),
        (["P-Asserted-Identity: <sip:alice@pbx.example>"], [""], ""),
        (["P-Asserted-Identity: <sip:pbx.example>"], [""], ""),
        (["P-Asserted-Identity: <nonsense"], [""], ""),
        ([f'P-Asserted-Identity: "open, <sip:{OWN}@pbx.example>, x'], [""], ""),
        ([f"P-Asserted-Identity: <tel:{OWN}>, <tel:{OWN}>, <tel:{OTHER}>"], [OWN, OWN, ""], OWN),
    ],
)
def test_identities_of_a_trusted_trunk(read: Any, headers: list[str], values: list[str], asserted: str) -> None:
    call = read(*headers)
    assert [number.value for number in call.identities] == values
    assert call.asserted.value == asserted
    assert call.caller is call.asserted
    assert call.shown.value == OWN


def test_an_untrusted_trunk_asserts_nothing(read: Any) -> None:
    call = read(f"P-Asserted-Identity: <sip:{OTHER}@pbx.example>", "Privacy: id", trusted=False)
    assert (call.asserted, call.identities, call.caller.value) == (None, (), OWN)
    assert call.private  # the wish is the caller's own; whether somebody vouches for him is another matter


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize(
    ("header", "preferred", "remote_party"),
    [
        (f"P-Preferred-Identity: <sip:{OTHER}@pbx.example>", [OTHER], []),
        (f"P-Preferred-Identity: <sip:{OTHER}@pbx.example>, <tel:{OWN}>", [OTHER, OWN], []),
        (f"Remote-Party-ID: <sip:{OTHER}@pbx.example>;party=calling;screen=yes;privacy=off", [], [OTHER]),
        (f'Remote-Party-ID: "Acme" <sip:{OTHER}@pbx.example>;screen=no', [], [OTHER]),
        (f"Remote-Party-ID: <sip:{OTHER}@pbx.example>;party=called", [], []),
        ("Remote-Party-ID: <nonsense", [], [""]),
    ],
)
def test_wishes_are_read_from_every_trunk(
    read: Any, header: str, preferred: list[str], remote_party: list[str], trusted: bool
) -> None:
    call = read(header, trusted=trusted)
    assert [number.value for number in call.preferred] == preferred
    assert [number.value for number in call.remote_party] == remote_party
    assert call.caller is call.shown  # wishes are never believed


def test_who_sent_a_call_on(read: Any, make_trunk: Any) -> None:
    assert read().diverted.hops == 0
    call = read(f"Diversion: <sip:{OTHER}@pbx.example>;reason=unconditional;counter=2")
    assert (call.diverted.by.value, call.diverted.hops) == (OTHER, 2)
    assert call.accountable is call.caller  # the trunk's contract allows none
    request = invite(f"History-Info: <sip:{OTHER}@p>;index=1, <sip:+8613912345678@p;cause=302>;index=1.1;mp=1")
    call = INTAKE.call(request, make_trunk(diversion_hops=1), "udp", 1.0)
    assert (call.diverted.by.value, call.accountable) == (OTHER, call.diverted.by)


@pytest.mark.parametrize(
    ("headers", "private"),
    [
        (["Privacy: id"], True),
        (["Privacy: ID;critical"], True),
        (["Privacy: user"], True),
        (["privacy: header ; session"], True),
        (["Privacy: session"], False),
        (["Privacy: critical"], False),
        (["Privacy: none"], False),
        (["Privacy: none;id"], False),
        (["Privacy: session", "Privacy: id"], True),
        (["Privacy: user, id"], True),
        (["Privacy: ideal"], False),
        (["Privacy:"], False),
    ],
)
def test_privacy(read: Any, headers: list[str], private: bool) -> None:
    assert read(*headers).private is private


@pytest.mark.parametrize(
    ("target", "value", "kind"),
    [
        ("sip:13912345678@gw.example", "+8613912345678", Kind.E164),
        ("tel:+8613912345678", "+8613912345678", Kind.E164),
        ("sip:110@gw.example", "110", Kind.SHORT),
        ("tel:110;phone-context=+86", "110", Kind.SHORT),
        ("sip:0755110@gw.example", "110", Kind.SHORT),
        ("sip:gw.example", "", Kind.EMPTY),
        ("sip:urn%3Aservice%3Asos@gw.example", "", Kind.MALFORMED),
    ],
)
def test_the_callee_is_the_request_uri(read: Any, target: str, value: str, kind: Kind) -> None:
    call = read(target=target, to="<sip:119@gw.example>")
    assert (call.callee.value, call.callee.kind) == (value, kind)


@pytest.mark.parametrize(
    ("target", "value", "kind"),
    [
        (b"URN:service:SOS.police", "urn:service:sos.police", Kind.SERVICE),
        (b"urn:uuid:0", "", Kind.MALFORMED),
    ],
)
def test_targets_that_are_no_number(make_trunk: Any, target: bytes, value: str, kind: Kind) -> None:
    request = invite()
    request.uri = target
    call = INTAKE.call(request, make_trunk(), "tcp", 1.0)
    assert (call.callee.value, call.callee.kind, call.transport) == (value, kind, "tcp")


def test_evidence_is_bounded(read: Any) -> None:
    long = "x" * 4000
    call = read(f"P-Asserted-Identity: <{long}", shown=f"<mailto:{long}@pbx.example>")
    assert len(call.shown.raw) == MAX_RAW and len(call.asserted.raw) == MAX_RAW


uris = st.builds(
    "{}:{}@{}{}{}".format,
    st.sampled_from(["sip", "SIPS", "sip", "tel", "mailto"]),
    st.from_regex(r"\+?[0-9]{0,20}", fullmatch=True),
    st.sampled_from(["pbx.example", "192.0.2.1", "a_b-c", "[::1]", "[x]", "", "a b"]),
    st.sampled_from(["", ":5060", ":99999", ":0", ":70000"]),
    st.sampled_from(["", ";user=phone", ";user=ip", ";x", "?h=v", ">"]),
)


@settings(max_examples=200, deadline=None)
@given(uris)
def test_the_quick_way_says_what_the_parser_says(uri: str) -> None:
    data = uri.encode()
    quick = number_of_uri(data)
    if quick is not None:
        assert parse_uri(data).user == quick
    address = f'"Acme" <{uri}>'.encode()
    plain = number_of_address(address)
    if plain is not None:
        assert parse_uri(name_addr(address)[1]).user == plain


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=20))
def test_any_bytes_give_a_call_or_are_refused_by_the_parser(shown: bytes, asserted: bytes, privacy: bytes) -> None:
    data = invite("P-Asserted-Identity: A", "Privacy: B", target="sip:1@g", to="<sip:1@g>").data
    data = data.replace(b'"Acme" <sip:+862162345678@pbx.example>', shown).replace(b": A\r", b": " + asserted + b"\r")
    data = data.replace(b": B\r", b": " + privacy + b"\r")
    try:
        request = parse(data)
    except SipError:
        return
    if isinstance(request, Request):
        INTAKE.call(request, trunk_of(trust_identity=True), "udp", 1.0)
