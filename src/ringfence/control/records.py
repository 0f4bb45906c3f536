"""Records of past calls over HTTP: found, shown, explained. Numbers come in bodies, not in URLs that end up in logs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ringfence.control.registry import REFUSALS, Who
from ringfence.control.trace_desk import TraceDesk
from ringfence.registry.actors import Actor, must_be
from ringfence.registry.errors import NotOnRecord

MOST_CALLS = 1000
EVER = 2**62  # microseconds

Asked = Annotated[str, Field(max_length=64, description="a number, as anybody would write it")]
Full = Annotated[bool, Query(description="numbers in full, for officers and auditors; audited")]
Record = Annotated[int, Path(ge=1, le=2**62, description="sequence number of a decision")]


class Looked(BaseModel):
    """A row. Times are local with their offset."""

    record: int
    at: datetime
    trunk: str
    caller: str
    callee: str
    action: str
    reason: str
    status: int = Field(description="what it was answered; 0: it was forwarded")


class NumberOut(BaseModel):
    """A number as the plan reads it."""

    model_config = ConfigDict(extra="allow")

    number: str


class CameOut(BaseModel):
    """The hop in, and who connected it."""

    model_config = ConfigDict(extra="allow")

    trunk: str
    holder: str
    kind: str
    connected_by: str = Field(description="who connected the trunk and answers for that; empty: not on record")
    source: str
    transport: str


class WentOut(BaseModel):
    """The hop out."""

    model_config = ConfigDict(extra="allow")

    gateway: str
    address: str
    tried: list[str]


class CallOut(BaseModel):
    """Everything that is on record about a call; `ringfence records show --json` prints the same."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    record: int
    at: datetime
    call_id: str
    came: CameOut = Field(alias="in")
    shown: NumberOut
    asserted: list[str]
    caller: NumberOut
    callee: NumberOut
    verdict: dict[str, Any] = Field(description="action, reason, points, findings, unknown facts, facts")
    out: WentOut | None
    course: dict[str, Any] | None = Field(description="answer, ring time, end; null where nothing is on record")


class ExplanationOut(BaseModel):
    """Why a call was judged as it was."""

    record: int
    at: datetime
    trunk: str
    caller: NumberOut
    callee: NumberOut
    verdict: dict[str, Any] = Field(description="action, reason, points, each finding, unknown facts, facts")


class SearchIn(BaseModel):
    """What is looked for; what is left out may be anything."""

    model_config = ConfigDict(extra="forbid")

    caller: Asked | None = Field(None, description="number that was shown or asserted")
    callee: Asked | None = Field(None, description="number that was called")
    call_id: str | None = Field(None, min_length=1, max_length=256)
    trunk: str | None = Field(None, max_length=128)
    action: Literal["forward", "tag", "reject", "refuse", "abandon", "inside"] | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    limit: int = Field(50, ge=1, le=MOST_CALLS, description="newest first")
    full: bool = Field(False, description="numbers in full, for officers and auditors; audited")


async def at_trace_desk(request: Request) -> TraceDesk:
    """The application's."""
    desk: TraceDesk = request.app.state.trace_desk
    return desk


AtTraceDesk = Annotated[TraceDesk, Depends(at_trace_desk)]

LOOKS: dict[int | str, dict[str, Any]] = {
    **REFUSALS,
    409: {"description": "The records cannot be read; the detail says why"},
    503: {"description": "The registry's database does not answer, or too many searches wait"},
    504: {"description": "The search took longer than it may"},
}
_NONE: dict[int | str, dict[str, Any]] = {404: {"description": "No decision has this number"}}
router = APIRouter(prefix="/records", tags=["records"], responses=LOOKS)


@router.post("/queries")
async def find(given: SearchIn, desk: AtTraceDesk, who: Who) -> list[Looked]:
    """Decisions that fit, newest first."""
    may_look(who, given.full)
    question = {
        "caller": number(desk, given.caller, "caller"),
        "callee": number(desk, given.callee, "callee"),
        "call_id": given.call_id,
        "trunk": given.trunk,
        "action": given.action,
        "begin": 0 if given.since is None else microseconds(given.since),
        "end": EVER if given.until is None else microseconds(given.until),
    }
    asked = {"command": "find", "told": False, "limit": given.limit, "question": question}
    rows = await desk.look(asked, who, given.full)
    await audited(desk, who, "find", [row["record"] for row in rows], given.full)
    return [Looked.model_validate(row) for row in rows]


@router.get("/{record}", responses=_NONE)
async def show(record: Record, desk: AtTraceDesk, who: Who, full: Full = False) -> CallOut:
    """One call: its decision with every finding, and how it went."""
    return CallOut.model_validate(await one(desk, who, record, full))


@router.get("/{record}/explanation", responses=_NONE)
async def explain(record: Record, desk: AtTraceDesk, who: Who, full: Full = False) -> ExplanationOut:
    """Why one call was judged as it was: what each rule found then, by which facts."""
    call = await one(desk, who, record, full)
    return ExplanationOut.model_validate({**call, "trunk": call["in"]["trunk"]})


async def one(desk: TraceDesk, who: Actor, record: int, full: bool) -> dict[str, Any]:
    """A call on record. Raises Forbidden, NotOnRecord, Refused, Busy, TooSlow."""
    may_look(who, full)
    call: dict[str, Any] | None = await desk.look({"command": "show", "record": record}, who, full)
    if call is None:
        raise NotOnRecord(f"no decision has the number {record}")
    await audited(desk, who, "show", [record], full)
    return call


def may_look(who: Actor, full: bool) -> None:
    """Raises Forbidden."""
    must_be(who, "officer", "operator", "auditor")
    if full:
        must_be(who, "officer", "auditor")


async def audited(desk: TraceDesk, who: Actor, command: str, records: Sequence[int], full: bool) -> None:
    """A look at full numbers is in the audit trail before it is answered; one that cannot be, is not."""
    if full and records:
        book = await desk.book()
        await book.note_look(who, {"command": command, "node": desk.node, "records": list(records)})


def number(desk: TraceDesk, text: str | None, field: str) -> str | None:
    """A number as records hold it. Raises BadStatement."""
    return None if text is None else desk.desk.number(text, field)


def microseconds(at: datetime) -> int:
    """Since 1970."""
    return int(at.timestamp() * 1e6)
