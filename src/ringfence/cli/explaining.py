"""`ringfence explain`: what would happen to a call, with everything the rules have to say."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ringfence.cli import output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, moment

if TYPE_CHECKING:
    from ringfence.control.question import Question

ConsentAnswer = Literal["yes", "no", "refused", "unknown"]


def explain(
    trunk: Annotated[str | None, typer.Option(help="The trunk the call comes from.")] = None,
    message: Annotated[
        Path | None, typer.Argument(metavar="[MESSAGE]", help="File with a raw INVITE, instead of --from and --to.")
    ] = None,
    caller: Annotated[str | None, typer.Option("--from", help="Number or URI shown as caller; may be empty.")] = None,
    callee: Annotated[str | None, typer.Option("--to", help="Number or URI called.")] = None,
    pai: Annotated[str | None, typer.Option(help="Number or URI in P-Asserted-Identity.")] = None,
    display: Annotated[str | None, typer.Option(help="Display name.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Privacy: id, the number is withheld.")] = False,
    consent: Annotated[ConsentAnswer, typer.Option(help="The callee's consent, if it is asked for.")] = "unknown",
    score: Annotated[float | None, typer.Option(min=0, max=100, help="The caller's harassment score.")] = None,
    attempts: Annotated[int | None, typer.Option(min=0, help="The caller's calls in the window, this one too.")] = None,
    earlier: Annotated[
        int | None, typer.Option(min=0, max=100, help="The holder's calls to the callee just before.")
    ] = None,
    roaming: Annotated[
        bool | None, typer.Option("--roaming/--at-home", help="Whether the caller is known to be abroad.")
    ] = None,
    at: Annotated[
        float | None,
        typer.Option(parser=moment, metavar="TIME", help="When: 2026-10-01T10:00+08:00; now without it."),
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Read from the store what is not given.")] = False,
    record: Annotated[int | None, typer.Option(help="Explain this call of the past, by its record's number.")] = None,
    running: Annotated[bool, typer.Option("--running", help="Ask the running daemon: its policy, its facts.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Judge a call without making it; the verdict with every finding."""
    from ringfence.cli.recording import show
    from ringfence.control.question import Question
    from ringfence.explaining import CannotExplain

    if record is not None:
        if trunk is not None or message is not None or caller is not None or callee is not None:
            raise typer.BadParameter("--record has a call's trunk and numbers already: give nothing else")
        show(record, config=config, json=json)
        return
    if trunk is None:
        raise typer.BadParameter("give --trunk, or --record for a call of the past")
    numbers = sum(value is not None for value in (caller, callee))
    if numbers != (2 if message is None else 0):
        raise typer.BadParameter("give either --from and --to, or a file with an INVITE")
    if live and running:
        raise typer.BadParameter("--running has facts from the store of its own: leave out --live")
    try:
        question = Question(
            trunk=trunk,
            caller=caller or "",
            callee=callee,
            display=display or "",
            asserted=pai,
            private=private,
            message=None if message is None else _message(message),
            consent=None if consent == "unknown" else consent,
            score=score,
            attempts=attempts,
            earlier=earlier,
            at=at,
            roaming=roaming,
        )
    except ValueError as error:
        raise typer.BadParameter(_first(error)) from None
    try:
        answer = asyncio.run(_running(config, question) if running else _here(config, question, live))
    except CannotExplain as error:
        if message is None:
            raise
        raise CannotExplain(f"{message}: {error}") from None
    if json:
        output.as_json(answer)
    else:
        _print(answer)


def _first(error: ValueError) -> str:
    """What is wrong with the first value that is."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    fault = error.errors(include_url=False)[0]
    name = {"caller": "--from", "callee": "--to", "asserted": "--pai"}.get(str(fault["loc"][0]) if fault["loc"] else "")
    return f"{name or 'MESSAGE'}: {fault['msg'].removeprefix('Value error, ')}"


def _message(path: Path) -> str:
    """A file's text; bytes that are no UTF-8 are written as `\\xff`: no rule looks at what they stand in."""
    from ringfence.explaining import CannotExplain

    try:
        return path.read_bytes().decode("utf-8", "backslashreplace")
    except OSError as error:
        raise CannotExplain(f"{path}: cannot be read: {error.strerror}") from None


async def _here(config: Path, question: Question, live: bool) -> dict[str, Any]:
    """The explanation by the settings in the file, with facts from the store if `live`. Raises CannotExplain."""
    from ringfence.config import load_bundle
    from ringfence.config.keys import store_keys
    from ringfence.explaining import explained
    from ringfence.explaining.live import filled
    from ringfence.explaining.rules import no_trunk
    from ringfence.lookups import store_place
    from ringfence.screening import Call, Facts, Need, Unknown

    bundle = load_bundle(config)
    if question.trunk not in bundle.ledger.trunks:
        raise typer.BadParameter(no_trunk(question.trunk or "", bundle.ledger.trunks))

    async def fill(call: Call, given: Facts, needs: frozenset[Need]) -> Facts:
        settings = bundle.settings
        place = store_place(settings.redis, settings.data_directory)
        return await filled(call, given, needs, store_keys(settings), bundle.pipeline, place, settings.roaming)

    return await explained(bundle, question, Unknown("not_given"), fill if live else None)


async def _running(config: Path, question: Question) -> dict[str, Any]:
    """The explanation of the daemon that runs on this configuration's data directory. Raises ControlError."""
    from ringfence.config import load
    from ringfence.control.channel import CHANNEL, ask

    settings = load(config)
    answer: dict[str, Any] = await ask(
        settings.data_directory / CHANNEL, "explain", question.model_dump(), timeout=10.0
    )
    return answer


def _print(answer: dict[str, Any]) -> None:
    call, verdict = answer["call"], answer["verdict"]
    rows = [("trunk", call["trunk"])]
    for name in ("caller", "shown", "asserted", "callee"):
        if call[name] is not None:
            rows.append((name, _written(call[name])))
    if call["diverted"] is not None:
        rows.append(("diverted by", f"{_written(call['diverted'])}, {call['hops']} in all"))
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
    dials = answer["dials"]
    if dials is not None:
        sure = "" if dials["believed"] else ", and is refused with 403: the trunk was not granted the caller's number"
        result.append(("dials", f"{dials['number']}, to refuse {dials['refuses']}{sure}"))
    output.facts(result)


def _written(number: dict[str, str]) -> str:
    value = number["number"] or "no number"
    kind = number["kind"] if number["class"] == "none" else number["class"]
    more = "".join(f", {number[name]}" for name in ("province", "country", "irregular") if number[name])
    return f"{value} ({kind}{more}, written {number['written']!r})"


def _points(rule: dict[str, Any]) -> str:
    if not rule["reason"]:
        return ""
    weight = f"{rule['points']:g}"
    return weight if rule["mode"] == "enforce" else f"({weight})"
