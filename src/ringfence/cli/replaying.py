"""`ringfence replay`: what another policy would have done with the calls of the past."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringfence.cli import output
from ringfence.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, duration
from ringfence.cli.record_keys import keys_of
from ringfence.cli.tracing import Folder, noted, records_folder

if TYPE_CHECKING:
    from ringfence.warehouse.replay import Outcome


def replay(
    policy: Annotated[Path, typer.Option(metavar="FILE", help="Settings file to judge by.")],
    pcap: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Judge the calls in a pcap or pcapng file instead of records.")
    ] = None,
    facts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --pcap: what the stores would say, YAML.")
    ] = None,
    since: Annotated[float, typer.Option(parser=duration, metavar="DURATION", help="How far back.")] = 86_400.0,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; without it one a core.")] = None,
    folder: Folder = None,
    config: ConfigFile = DEFAULT_CONFIG,
    json: AsJson = False,
) -> None:
    """Judge past calls by another policy and show what would change, by holder and reason, with examples."""
    if facts is not None and pcap is None:
        raise typer.BadParameter("--facts belongs to --pcap: records have the facts of their time")
    began = time.monotonic()
    outcome = _recorded(policy, since, workers, folder, config) if pcap is None else _captured(policy, pcap, facts)
    seconds = time.monotonic() - began
    if json:
        output.as_json(plain(outcome, seconds))
    else:
        _print(outcome, seconds, "records" if pcap is None else "packets")


def _captured(policy: Path, pcap: Path, facts: Path | None) -> Outcome:
    from ringfence.cli.progress import bar
    from ringfence.warehouse.pcap import replay_packets

    with bar("judging", unit="bytes") as advance:
        return replay_packets(policy, pcap, facts, advance)


def _recorded(policy: Path, since: float, workers: int | None, folder: Path | None, config: Path) -> Outcome:
    from ringfence.cli.progress import bar
    from ringfence.warehouse.library import Library
    from ringfence.warehouse.replay import replay as judge_again

    place = folder or records_folder(config)
    library = Library(place, keys_of(config))
    begin = int((time.time() - since) * 1e6)
    with bar("judging", unit="calls") as advance:
        total = library.estimate(begin)
        outcome = judge_again(policy, library, begin, lambda done: advance(done, max(done, total)), workers)
    noted(place, "replay", {"policy": str(policy)}, outcome.judged, False)
    return outcome


def plain(outcome: Outcome, seconds: float) -> dict[str, Any]:
    """All of it in values fit for JSON, most frequent changes first."""
    return {
        "judged": outcome.judged,
        "unchanged": outcome.unchanged,
        "skipped": dict(outcome.skipped),
        "seconds": round(seconds, 2),
        "actions": [
            {"before": before, "after": after, "calls": count}
            for (before, after), count in outcome.actions.most_common()
        ],
        "changes": [
            {
                "holder": change.holder,
                "before": {"action": change.before[0], "reason": change.before[1]},
                "after": {"action": change.after[0], "reason": change.after[1]},
                "rule": (change.after[1] or change.before[1]).partition(".")[0],
                "calls": count,
                "consented": outcome.consented[change],
                "examples": outcome.examples[change],
            }
            for change, count in outcome.changes.most_common()
        ],
    }


def _print(outcome: Outcome, seconds: float, examples: str) -> None:
    rows = [
        ("judged", f"{outcome.judged} calls in {seconds:.1f} s"),
        ("unchanged", str(outcome.unchanged)),
        ("changed", str(outcome.judged - outcome.unchanged)),
        ("of them", f"{sum(outcome.consented.values())} would be tagged or rejected although the callee had consented"),
    ]
    rows += [("not judged", f"{count}: {why}") for why, count in outcome.skipped.most_common()]
    output.facts(rows)
    if not outcome.changes:
        return
    output.line()
    columns = ("holder", "was", "because of", "would be", "because of", "calls", "consented", examples)
    table = [
        [
            change.holder, change.before[0], change.before[1], change.after[0], change.after[1], str(count),
            str(outcome.consented[change]), ", ".join(map(str, outcome.examples[change])),
        ]
        for change, count in outcome.changes.most_common()
    ]  # fmt: skip
    output.table(columns, table)
