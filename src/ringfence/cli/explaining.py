"""`ringfence explain`: what would happen to a call, with everything the rules have to say."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ringfence.cli import output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from ringfence.errors import RingfenceError

if TYPE_CHECKING:
    from ringfence.config import Bundle
    from ringfence.screening import Consent, Facts, Need, Unknown
    from ringfence.sip.message import Request

ConsentAnswer = Literal["yes", "no", "refused", "unknown"]
_HOST = "ringfence.invalid"  # stands where a host belongs; no rule looks at it


class CannotExplain(RingfenceError):
    """The question cannot be put: no such trunk, no INVITE, a contradiction."""


def explain(
    trunk: Annotated[str, typer.Option(help="The trunk the call comes from.")],
    message: Annotated[
        Path | None, typer.Argument(metavar="[MESSAGE]", help="File with a raw INVITE, instead of --from and --to.")
    ] = None,
    caller: Annotated[str | None, typer.Option("--from", help="Number or URI shown as caller; may be empty.")] = None,
    callee: Annotated[str | None, typer.Option("--to", help="Number or URI called.")] = None,
    pai: Annotated[str | None, typer.Option(help="Number or URI in P-Asserted-Identity.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Privacy: id, the number is withheld.")] = False,
    consent: Annotated[ConsentAnswer, typer.Option(help="The callee's consent, if it is asked for.")] = "unknown",
    score: Annotated[float | None, typer.Option(min=0, max=100, help="The caller's harassment score.")] = None,
    attempts: Annotated[int | None, typer.Option(min=0, help="The caller's calls in the window, this one too.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Read from the store what is not given.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Judge a call without making it; the verdict with every finding."""
    from ringfence.cli.judging import judged
    from ringfence.cli.live import filled
    from ringfence.cli.rules import no_trunk
    from ringfence.config import load_bundle
    from ringfence.screening import Intake

    numbers = sum(value is not None for value in (caller, callee))
    if numbers != (2 if message is None else 0):
        raise typer.BadParameter("give either --from and --to, or a file with an INVITE")
    request = _read(message) if message else _invite(caller or "", callee or "", pai, private)
    bundle = load_bundle(config)
    if trunk not in bundle.ledger.trunks:
        raise typer.BadParameter(no_trunk(trunk, bundle.ledger.trunks))
    call = Intake(bundle.numbering).call(request, bundle.ledger.trunks[trunk], "udp", time.time())
    given = _given(bundle, consent, score, attempts)

    def ask(needs: frozenset[Need]) -> Facts:
        return asyncio.run(filled(bundle, call, given, needs)) if live else given

    answer = judged(bundle, call, ask)
    if json:
        output.as_json(answer)
    else:
        _print(answer)


def _read(path: Path) -> Request:
    """The INVITE in a file. A text editor's bare line ends become CRLF; a file with any CRLF is taken as it is."""
    from ringfence.sip.errors import SipError
    from ringfence.sip.message import Request, parse

    try:
        data = path.read_bytes()
    except OSError as error:
        raise CannotExplain(f"{path}: cannot be read: {error.strerror}") from None
    if b"\r\n" not in data:
        head, _, body = data.partition(b"\n\n")
        data = b"\r\n".join([*head.rstrip(b"\n").split(b"\n"), b"", body.replace(b"\n", b"\r\n")])
    try:
        request = parse(data)
    except SipError as error:
        status = f"it would be answered {error.status}" if error.status else "it would be dropped"
        raise CannotExplain(f"{path}: {error}; {status} before any rule looks") from None
    if not isinstance(request, Request) or request.method != b"INVITE" or request.to_tag:
        raise CannotExplain(f"{path}: only an INVITE that begins a call is screened")
    return request


def _invite(caller: str, callee: str, pai: str | None, private: bool) -> Request:
    """The INVITE that such a caller would send: the same code reads it that reads a real one."""
    from ringfence.demo.messages import caller_uri, compose, identity_fields, name_addr, number_uri
    from ringfence.sip.message import Request, parse

    uri = number_uri(callee, _HOST)
    fields = [
        ("Via", f"SIP/2.0/UDP {_HOST};branch=z9hG4bKexplain"),
        ("From", name_addr(caller_uri(caller, _HOST), tag="explain")),
        ("To", name_addr(uri)),
        ("Call-ID", "explain"),
        ("CSeq", "1 INVITE"),
        *identity_fields(pai, private, _HOST),
    ]
    request = parse(compose(f"INVITE {uri} SIP/2.0", fields))
    assert isinstance(request, Request)
    return request


def _given(bundle: Bundle, consent: ConsentAnswer, score: float | None, attempts: int | None) -> Facts:
    """The facts of the command line; what is not given did not come."""
    from ringfence.screening import Consent, Facts, Rate, Score, Unknown

    missing = Unknown("not_given")
    consents: dict[ConsentAnswer, Consent | Unknown] = {
        "yes": Consent(granted=True, refused=False),
        "no": Consent(granted=False, refused=False),
        "refused": Consent(granted=False, refused=True),
        "unknown": missing,
    }
    return Facts(
        consents[consent],
        missing if score is None else Score(score),
        missing if attempts is None else Rate(attempts, bundle.pipeline.rate_window),
    )


def _print(answer: dict[str, Any]) -> None:
    call, verdict = answer["call"], answer["verdict"]
    rows = [("trunk", call["trunk"])]
    for name in ("caller", "shown", "asserted", "callee"):
        if call[name] is not None:
            rows.append((name, _written(call[name])))
    rows.append(("private", "yes" if call["private"] else "no"))
    for need, fact in answer["facts"].items():
        rows.append((need, ", ".join(f"{key} {value}" for key, value in fact.items())))
    output.facts(rows)
    output.line()
    columns = ("rule", "mode", "says", "reason", "points", "detail")
    table = [
        [rule["rule"], rule["mode"], rule["says"], rule["reason"], _points(rule), rule["detail"]]
        for rule in answer["rules"]
    ]
    output.table(columns, table)
    output.line()
    reason = verdict["reason"] or "no rule has enough against it"
    result = [("verdict", f"{verdict['action']}: {reason} ({verdict['points']:g} points)")]
    response = answer["response"]
    if response is not None:
        result.append(("response", f"{response['status']} {response['phrase']}"))
        result += [("", line) for line in response["headers"]]
    output.facts(result)


def _written(number: dict[str, str]) -> str:
    value = number["number"] or "no number"
    return f"{value} ({number['kind']}, written {number['written']!r})"


def _points(rule: dict[str, Any]) -> str:
    if not rule["reason"]:
        return ""
    weight = f"{rule['points']:g}"
    return weight if rule["mode"] == "enforce" else f"({weight})"
