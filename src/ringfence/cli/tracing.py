"""`ringfence trace`: who brought a call, who took it, what was shown, and how it went."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringfence.cli import FAILED, output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, duration
from ringfence.cli.record_keys import keys_of

if TYPE_CHECKING:
    from ringfence.warehouse.library import Library, Question

Folder = Annotated[
    Path | None, typer.Option("--folder", metavar="FOLDER", help="The records' folder, instead of the settings'.")
]
InFull = Annotated[bool, typer.Option("--full", help="Whole numbers instead of masked ones; noted in the access log.")]
Within = Annotated[
    float, typer.Option("--within", parser=duration, metavar="DURATION", help="How far off --at may be.")
]


def trace(
    context: typer.Context,
    caller: Annotated[str | None, typer.Option(help="Number that was shown or asserted.")] = None,
    callee: Annotated[str | None, typer.Option(help="Number that was called.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="When, as 2026-11-24T10:15[+08:00].")] = None,
    within: Within = 300.0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Calls shown, newest first.")] = 20,
    full: InFull = False,
    folder: Folder = None,
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Trace calls back: the hop in, the hop out, the holder, who connected it; 1 when there is no such call.

    With what other carriers answered about them. The commands below ask those carriers, and answer them.
    """
    if context.invoked_subcommand is not None:
        return
    from ringfence.cli.clickhousing import stories_in_clickhouse
    from ringfence.warehouse.library import Library
    from ringfence.warehouse.telling import told

    if caller is None and callee is None:
        raise typer.BadParameter("give --caller, --callee or both")
    place = folder or records_folder(config)
    question = question_of(config, caller, callee, at, within)
    library = None
    stories = None if folder else stories_in_clickhouse(config, question, limit)
    if stories is None:
        library = Library(place, keys_of(config))
        stories = [library.told(sequence, decision) for sequence, decision in library.find(question, limit)]
    asked = {"caller": caller or "", "callee": callee or "", "at": at or ""}
    noted(place, "trace", asked, len(stories), full)
    calls = [told(story, full) for story in stories]
    if folder is None and library is not None:  # records of elsewhere have numbers of their own
        calls = with_chains(config, calls, full)
    if json:
        output.as_json(calls)
    else:
        for number, call in enumerate(calls):
            if number:
                output.line()
            print_call(call)
        if library is not None:
            complain_of_waiting(library)
    if not calls:
        if not json:
            output.line("no such call")
        raise typer.Exit(FAILED)


def records_folder(config: Path) -> Path:
    """The records' folder of a configuration. Raises ConfigError."""
    from ringfence.config import load
    from ringfence.records.place import folder_of

    settings = load(config)
    return folder_of(settings.records, settings.data_directory)


def noted(folder: Path, command: str, question: dict[str, str], found: int, full: bool) -> None:
    """Into the access log, before anything is shown."""
    from ringfence.warehouse.audit import note

    note(folder, command, {name: value for name, value in question.items() if value}, found, full)


def question_of(
    config: Path, caller: str | None, callee: str | None, at: str | None, within: float, **more: Any
) -> Question:
    """What is looked for. Raises BadParameter for what is no number and no time."""
    from ringfence.warehouse.library import Question

    begin, end = 0, 2**62
    if at is not None:
        moment = microseconds(at)
        begin, end = moment - int(within * 1e6), moment + int(within * 1e6)
    return Question(number(config, caller), number(config, callee), begin=begin, end=end, **more)


def number(config: Path, text: str | None) -> str | None:
    """A number as records hold it."""
    if text is None:
        return None
    from ringfence.cli.store import comparable, open_settings

    return comparable(open_settings(config), text)


def microseconds(text: str) -> int:
    """A time since 1970; without a zone it is this machine's. Raises BadParameter."""
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1e6)
    except ValueError:
        raise typer.BadParameter("a time is written 2026-11-24T10:15 or 2026-11-24T10:15:30+08:00") from None


def complain_of_waiting(library: Library) -> None:
    """A hint where looks are slow."""
    if library.waiting:
        output.complain(f"{library.waiting} sealed files are not indexed yet: they were searched from end to end")


def with_chains(config: Path, calls: list[dict[str, Any]], full: bool) -> list[dict[str, Any]]:
    """The calls with the hops of other carriers behind them, and with what was asked about each."""
    from ringfence.cli.desk import actor, at_book
    from ringfence.config import load
    from ringfence.registry.opening import is_there
    from ringfence.tracing.book import TraceBook
    from ringfence.tracing.showing import chain, plain

    settings = load(config)
    if not calls or not is_there(settings.registry, settings.data_directory):
        return [{**call, "chain": [], "requests": []} for call in calls]

    async def work(book: TraceBook) -> list[dict[str, Any]]:
        whole = []
        for call in calls:
            asked = await book.of_record(actor(), settings.node, call["record"])
            whole.append({**call, "chain": chain(asked, full), "requests": [plain(one, full) for one in asked]})
        seen = [one["id"] for call in whole for one in call["requests"]]
        if full and seen:
            await book.note_look(actor(), {"command": "trace", "requests": seen})
        return whole

    return at_book(settings, work)


_PROOFS = {
    "": "",
    "own": "; signed by it",
    "unknown_key": "; signed by a key that is no peer's",
    "wrong": "; WHAT CAME ALONG DOES NOT PROVE IT",
    "none": "; passed on without its signature",
}


def hop_line(hop: dict[str, Any]) -> str:
    """A carrier's hop in one line."""
    came, went = hop["came"], hop["went"]
    out = "refused there" if went is None else f"out by {went['gateway']} at {went['address']}"
    connected = f", connected by {came['connected_by']}," if came["connected_by"] else ""
    by = f"joined by {', '.join(hop['joined'])}" if hop["joined"] else "NOT OUR CALL by what it says"
    return (
        f"{hop['carrier']}: {came['trunk']} ({came['kind']}) of {came['holder']}{connected} from {came['transport']} "
        f"{came['address']}, {out}; shown {hop['shown'] or 'no number'}; {by}{_PROOFS[hop['proof']]}"
    )


def print_call(call: dict[str, Any]) -> None:
    """One call, fact by fact."""
    came, verdict, out, course = call["in"], call["verdict"], call["out"], call["course"]
    rows = [
        ("record", f"{call['record']}, {call['at']}"),
        ("hop in", f"{came['trunk']} ({came['kind']}) from {came['transport']} {came['source']}"),
        ("holder", came["holder"]),
        *([("connected by", came["connected_by"])] if came["connected_by"] else []),
        *(("before that", hop_line(hop)) for hop in call.get("chain", ())),
        ("shown", f"{call['shown']['number'] or 'no number'}: {call['shown']['from']}"),
        ("asserted", ", ".join(call["asserted"]) or "nothing"),
    ]
    for name in ("preferred", "diversion"):
        if call[name]:
            rows.append((name, ", ".join(call[name])))
    rows.append(("called", f"{call['callee']['number'] or call['request_uri']}"))
    reason = f": {verdict['reason']} ({verdict['points']:g} points)" if verdict["reason"] else ""
    rows.append(("verdict", f"{verdict['action']}{reason}, by settings of generation {verdict['generation']}"))
    for finding in verdict["findings"]:
        rows.append(("", f"{finding['reason']}, {finding['mode']}, {finding['points']:g} points {finding['detail']}"))
    if verdict["unknown"]:
        rows.append(("unknown", ", ".join(verdict["unknown"])))
    if verdict["answered"]:
        rows.append(("answer", f"{verdict['answered']}, before any gateway saw it"))
    if out is not None:
        rows.append(("hop out", f"{out['gateway']} at {out['address']}"))
        if len(out["tried"]) > 1:
            rows.append(("tried", ", ".join(out["tried"])))
    rows += _course(course, out is not None)
    for one in call.get("requests", ()):
        way = "asked" if one["direction"] == "out" else "asked by"
        rows.append((way, f"{one['peer']}: {one['state']} (ringfence trace show {one['id']})"))
    rows.append(("Call-ID", call["call_id"]))
    output.facts(rows)


def _course(course: dict[str, Any] | None, forwarded: bool) -> list[tuple[str, str]]:
    if course is None:
        return [("ended", "nothing is on record of it")] if forwarded else []
    rows = []
    if "status" in course:
        rings = course["ring_seconds"]
        rang = "it did not ring" if rings is None else f"rang after {rings:.1f} s"
        rows.append(("answer", f"{course['status']} after {course['wait_seconds']:.1f} s, {rang}"))
    if "ended_at" in course:
        talk = course["talk_seconds"]
        rows.append(("ended", f"{course['ended_at']}" + ("" if talk is None else f", after {talk:.1f} s of talk")))
        rows += [("cause", cause) for cause in course["cause"]]
    if course["released"]:
        rows.append(("released by", course["released"]))
    return rows
