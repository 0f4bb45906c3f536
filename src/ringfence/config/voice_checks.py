"""What the other parts of the settings have against service numbers that are dialled to refuse."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ringfence.config.faults import Location
from ringfence.config.settings import Settings
from ringfence.ledger import Ledger
from ringfence.ledger.ledger import Grantees
from ringfence.numbering import Numbering

Finding = tuple[Location, str]


def line_findings(settings: Settings) -> Iterator[Finding]:
    """Announcements that lead nowhere."""
    for position, line in enumerate(settings.voice.lines):
        location: Location = ("voice", "lines", position)
        if line.announcement is not None and line.announcement not in settings.gateways:
            known = ", ".join(sorted(settings.gateways))
            yield (*location, "announcement"), f"no gateway group {line.announcement}; there are: {known}"


def number_findings(settings: Settings, numbering: Numbering) -> Iterator[Finding]:
    """Numbers that mean two things: of two lines, or of a line and an emergency service."""
    emergency = {numbering.read(number).value or number for number in settings.screening.rules.emergency.numbers}
    before: dict[str, int] = {}
    for position, line in enumerate(settings.voice.lines):
        for number in line.dialled():
            read = numbering.read(number).value or number
            location: Location = ("voice", "lines", position, "number")
            if read in emergency:
                yield location, f"{number} is an emergency number"
            if read in before:
                yield location, f"{number} means lines[{before[read]}] already"
            before.setdefault(read, position)


def ledger_findings(settings: Settings, numbering: Numbering, ledger: Ledger) -> Iterator[Finding]:
    """Numbers that somebody was granted to show, whom callers mean to call back; holders whom no trunk has."""
    lines = settings.voice.lines
    named = any(line.refuses == "holder" for line in lines)
    holders = [str(each["name"]) for each in ledger.holders()] if named else []
    for position, line in enumerate(lines):
        location: Location = ("voice", "lines", position)
        for number, scope in line.dialled().items():
            grantee = _granted(ledger, numbering.read(number).value)
            if grantee:
                yield (
                    (*location, "number"),
                    f"{number} is granted to {grantee}, whose callers would refuse by calling back",
                )
            holder = scope.removeprefix("holder:")
            if holder != scope and holder not in holders:
                close = difflib.get_close_matches(holder, holders, n=1)
                hint = f"; did you mean {close[0]}?" if close else ""
                yield (*location, "holder" if line.holder else "holders"), f"no trunk has the holder {holder}{hint}"


def _granted(ledger: Ledger, value: str) -> str:
    cover = ledger.find(value) if value else 0
    for bag in ledger.bags_of(cover) if cover else ():
        said = ledger.bag(bag)
        if isinstance(said, Grantees):
            return said.name
    return ""
