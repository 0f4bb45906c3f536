"""From a question to the call it means: the same code reads it that reads a real INVITE."""

from __future__ import annotations

from ringfence.config import Bundle
from ringfence.control.question import Question
from ringfence.errors import RingfenceError
from ringfence.explaining.rules import named, no_trunk
from ringfence.ledger import Trunk
from ringfence.screening import Call, CalleeCalls, Consent, Facts, Intake, Rate, Roaming, Score, Unknown
from ringfence.sip.errors import SipError
from ringfence.sip.message import Request, parse

_HOST = "ringfence.invalid"  # stands where a host belongs; no rule looks at it
_CONSENTS = {
    "yes": Consent(granted=True),
    "no": Consent(granted=False),
    "refused": Consent(granted=False, refused="everybody"),
}


class CannotExplain(RingfenceError):
    """The question cannot be put: no such trunk, no INVITE, a contradiction."""


def call_of(question: Question, bundle: Bundle, now: float) -> Call:
    """The call that is asked about. now: epoch seconds, for a question without a time. Raises CannotExplain."""
    trunk = _trunk(question.trunk, bundle)
    request = _invite(question) if question.message is None else _read(question.message)
    return Intake(bundle.numbering).call(request, trunk, "udp", now if question.at is None else question.at)


def given_facts(question: Question, bundle: Bundle, missing: Unknown, at: float) -> Facts:
    """The facts that the question brings; `missing` in place of the others. at: time of the call, epoch seconds."""
    return Facts(
        missing if question.consent is None else _CONSENTS[question.consent],
        missing if question.score is None else Score(question.score),
        missing if question.attempts is None else Rate(question.attempts, bundle.pipeline.rate_window),
        missing if question.roaming is None else Roaming(question.roaming),
        missing if question.earlier is None else CalleeCalls((int(at),) * question.earlier),
    )


def _trunk(name: str | None, bundle: Bundle) -> Trunk:
    trunks = bundle.ledger.trunks
    if name is None and len(trunks) == 1:
        return next(iter(trunks.values()))
    if name is None:
        raise CannotExplain(f"name the trunk; there are: {named(trunks)}")
    if name not in trunks:
        raise CannotExplain(no_trunk(name, trunks))
    return trunks[name]


def _read(message: str) -> Request:
    """The INVITE in a text. Bare line ends become CRLF; a text with any CRLF is taken as it is."""
    data = message.encode("utf-8", "backslashreplace")
    if b"\r\n" not in data:
        head, _, body = data.partition(b"\n\n")
        data = b"\r\n".join([*head.rstrip(b"\n").split(b"\n"), b"", body.replace(b"\n", b"\r\n")])
    try:
        request = parse(data)
    except SipError as error:
        status = f"it would be answered {error.status}" if error.status else "it would be dropped"
        raise CannotExplain(f"{error}; {status} before any rule looks") from None
    if not isinstance(request, Request) or request.method != b"INVITE" or request.to_tag:
        raise CannotExplain("only an INVITE that begins a call is screened")
    return request


def _invite(question: Question) -> Request:
    """The INVITE that such a caller would send."""
    from ringfence.demo.messages import caller_uri, compose, identity_fields, name_addr, number_uri

    uri = number_uri(question.callee or "", _HOST)
    fields = [
        ("Via", f"SIP/2.0/UDP {_HOST};branch=z9hG4bKexplain"),
        ("From", name_addr(caller_uri(question.caller, _HOST), question.display, tag="explain")),
        ("To", name_addr(uri)),
        ("Call-ID", "explain"),
        ("CSeq", "1 INVITE"),
        *identity_fields(question.asserted, question.private, _HOST),
    ]
    try:
        request = parse(compose(f"INVITE {uri} SIP/2.0", fields))
    except SipError as error:
        raise CannotExplain(f"no INVITE can be written with these numbers: {error}") from None
    assert isinstance(request, Request)
    return request
