"""What of a record another carrier gets to know: one call's hop, and only where it is the call that it asked about.

A call here is what `ringfence.warehouse.telling` tells of it in full.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ringfence.tracing.errors import TraceError
from ringfence.tracing.messages import MOST_HOPS, MOST_VALUES, Asked, Came, Hop, Went

MOST_BYTES = (
    40_000  # of all hops as JSON and what is beside them: in base64, with all around it, less than `jws.LONGEST`
)

Call = Mapping[str, Any]


def asked_about(call: Call, within: float, **more: str) -> Asked:
    """The question about a call of ours to whoever brought it. Raises TraceError where it cannot be asked."""
    callee = call["callee"]["number"]
    if not _is_number(callee):
        raise TraceError("the record has no called number that a plan can read: nobody could look for it")
    number = call["caller"]["number"] or call["shown"]["number"]
    came = call["in"]
    return Asked(
        callee=callee,
        caller=number if _is_number(number) else "",
        at=datetime.fromisoformat(call["at"]),
        within=within,
        call_id=call["call_id"][:256],
        handed_over=f"{came['transport']} {came['source']}"[:256],
        **more,
    )


def fits(asked: Asked, call: Call) -> list[str]:
    """By what a call is the one that is asked about: callee, time, and caller or Call-ID; nothing where it is not."""
    found = []
    if call["callee"]["number"] != asked.callee:
        return []
    if abs((datetime.fromisoformat(call["at"]) - asked.at).total_seconds()) > asked.within:
        return []
    if asked.call_id and call["call_id"][:256] == asked.call_id:
        found.append("Call-ID")
    if asked.caller in (call["caller"]["number"], call["shown"]["number"]):
        found.append("caller")
    return ["callee", "time", *found] if found else []


def chosen(asked: Asked, calls: Iterable[Call]) -> Call | None:
    """The call that is asked about, where only one fits: by its Call-ID, else by caller, callee and time."""
    fitting = [(call, fits(asked, call)) for call in calls]
    for wanted in ("Call-ID", "callee"):
        found = [call for call, by in fitting if wanted in by]
        if len(found) == 1:
            return found[0]
    return None


def hop_of(call: Call, carrier: str) -> Hop:
    """What is disclosed of a call: nothing of rules, points, facts, nor of how it ended."""
    came, out, shown = call["in"], call["out"], call["shown"]
    return Hop(
        carrier=carrier,
        at=datetime.fromisoformat(call["at"]),
        call_id=call["call_id"][:256],
        came=Came(
            holder=came["holder"][:256],
            trunk=came["trunk"][:256],
            kind=came["kind"],
            connected_by=came["connected_by"][:256],
            transport=came["transport"],
            address=came["source"],
        ),
        went=None if out is None else Went(gateway=out["gateway"][:256], address=out["address"][:256]),
        shown=shown["number"] if _is_number(shown["number"]) else "",
        shown_as=shown["from"][:512],
        asserted=tuple(value[:512] for value in call["asserted"][:MOST_VALUES]),
        callee=call["callee"]["number"][:256],
        action=call["verdict"]["action"],
    )


def joined(hop: Hop, asked: Asked) -> list[str]:
    """By what a peer's hop is our call: Call-ID, callee, caller, time; nothing where it tells of another one."""
    found = []
    if asked.call_id and hop.call_id == asked.call_id:
        found.append("Call-ID")
    if hop.callee == asked.callee:
        found.append("callee")
    if hop.shown and hop.shown == asked.caller:
        found.append("caller")
    if abs((hop.at - asked.at).total_seconds()) <= asked.within:
        found.append("time")
    return found


def chain(own: Hop, upstream: Iterable[Hop]) -> tuple[Hop, ...]:
    """Our hop and what our requests found behind it, nearest first; no more than fits into a message."""
    hops = [own]
    room = MOST_BYTES - len(own.model_dump_json().encode())
    for hop in upstream:
        room -= len(hop.model_dump_json().encode())
        if room < 0 or len(hops) == MOST_HOPS:
            break
        hops.append(hop)
    return tuple(hops)


def beside(hops: Iterable[Hop], signed: str) -> str:
    """The answer that hops come from, where a message has room for it too; else nothing."""
    return signed if sum(len(hop.model_dump_json().encode()) for hop in hops) + len(signed) <= MOST_BYTES else ""


def _is_number(text: str) -> bool:
    digits = text.removeprefix("+")
    return digits.isascii() and digits.isdigit() and 2 <= len(digits) <= 17
