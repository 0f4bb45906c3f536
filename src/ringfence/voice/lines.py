"""From settings to what a dialled number means, and from a record's outcome to what the caller is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ringfence.numbering import Kind, Numbering
from ringfence.screening import Answer, Call
from ringfence.voice.settings import LineSettings

# What became of a call to a service number, as metrics name it.
RECORDED = "recorded"
STANDING = "standing"  # the very refusal stands already
NOBODY = "nobody"  # no marketing call to this number is remembered
UNBELIEVED = "unbelieved"
LIMITED = "limited"
BUSY = "busy"  # too many wait for their record
FAILED = "failed"  # the record did not come in time, or could not be made: nothing is claimed
CONFIRMED = frozenset((RECORDED, STANDING))


class Line(NamedTuple):
    """What one dialled number does.

    number: as it is dialled. scope: as the registry writes it, or LAST_CALLER. announcement: the gateway group that
    confirms, "" for none; uri: the Request-URI to ask it by, b"" for the call's own.
    """

    number: str
    scope: str
    announcement: str = ""
    uri: bytes = b""


class Refusal(NamedTuple):
    """One to be recorded. caller: the refusing subscriber's number; trunk: where the call came from.

    at: epoch seconds.
    """

    caller: str
    line: Line
    trunk: str
    at: float


Lines = Mapping[str, Line]
"""Found by what was dialled, and by what the plan makes of it where it reads it."""


def build_lines(settings: Iterable[LineSettings], numbering: Numbering) -> dict[str, Line]:
    """All numbers of all lines; of two lines with one number the first counts (`check` refuses such settings)."""
    lines: dict[str, Line] = {}
    for one in settings:
        for number, scope in one.dialled().items():
            line = Line(number, scope, one.announcement or "", (one.announcement_uri or "").encode())
            for name in (number, numbering.read(number).value):
                if name:
                    lines.setdefault(name, line)
    return lines


def line_of(lines: Lines, call: Call) -> Line | None:
    """The line that a call dials. A code that the plan cannot read is compared as it was written."""
    return lines.get(call.callee.value) or lines.get(call.callee.raw)


def believed(call: Call) -> bool:
    """Whether the caller surely is the subscriber of the number, so that a refusal may be recorded for it.

    Stricter than the rules, which the operator may switch off and which do not ask some trunks: the trunk was granted
    this very number and may originate calls with it now, and nobody diverted the call.
    """
    caller = call.caller
    if caller.kind is not Kind.E164 or call.diverted.by is not None:
        return False
    return any(
        terms.originate and not terms.suspended and terms.since <= call.at < terms.until
        for terms in call.trunk.standing(caller.value).terms
    )


def answer_for(outcome: str, retry_after: float) -> Answer:
    """The final response where no announcement confirms, its Reason by RFC 6432. retry_after: seconds.

    A confirmed refusal is a call that ended as it should without being answered, 603 with cause 16; what was not
    recorded gets another status, so that no telephone takes one for the other.
    """
    status, phrase, cause, text = _ANSWERS[outcome]
    headers = b'Reason: Q.850;cause=%d;text="%b"\r\n' % (cause, text)
    if status == 480:
        headers += b"Retry-After: %d\r\n" % max(1, round(retry_after))
    return Answer(status, phrase, headers)


_CONFIRMED = (603, b"Decline", 16, b"refusal recorded")
_FAILED = (480, b"Temporarily Unavailable", 41, b"refusal not recorded")
_ANSWERS = {
    RECORDED: _CONFIRMED,
    STANDING: _CONFIRMED,
    NOBODY: (404, b"Not Found", 1, b"no marketing call remembered"),
    UNBELIEVED: (403, b"Forbidden", 21, b"caller not authenticated"),
    LIMITED: (480, b"Temporarily Unavailable", 42, b"too often"),
    BUSY: _FAILED,
    FAILED: _FAILED,
}
