"""Trace-back over HTTP, for officers: calls with the chain of carriers behind them, requests to peers and of peers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from ringfence.control.readers import Busy, TooSlow
from ringfence.control.records import (
    LOOKS,
    AtTraceDesk,
    Full,
    audited,
    may_look,
    microseconds,
    number,
)
from ringfence.control.records import router as records
from ringfence.control.registry import Who
from ringfence.control.trace_desk import TraceDesk
from ringfence.control.trace_models import (
    AnswerIn,
    RefusalIn,
    RequestIn,
    RequestOut,
    TakenOut,
    TracedOut,
    TraceIn,
    WholeOut,
)
from ringfence.registry.actors import must_be
from ringfence.registry.errors import NotOnRecord
from ringfence.tracing import jws, post, steps
from ringfence.tracing.book import LONGEST_PAGE
from ringfence.tracing.disclosure import Call
from ringfence.tracing.errors import BadMessage, NoRequest, Stale, TraceError, Unauthorised
from ringfence.tracing.requests import Direction, State
from ringfence.tracing.showing import chain, plain
from ringfence.tracing.tracer import answer_peer, ask_peer

MOST_SEARCHED = 1000  # calls to one callee within a request's time that are looked through

Id = Annotated[int, Path(ge=1, le=2**62, description="id of a trace request")]

_STEPS: dict[int | str, dict[str, Any]] = {
    **LOOKS,
    404: {"description": "There is no such request, or no such record"},
    409: {"description": "It cannot be done as things stand; the detail says why"},
}
router = APIRouter(prefix="/trace", tags=["trace"], responses=_STEPS)


def serve_tracing(app: FastAPI, desk: TraceDesk) -> None:
    """Add the paths of tracing and of the records to an application."""
    app.state.trace_desk = desk

    @app.exception_handler(Busy)
    async def busy(_: Request, error: Busy) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 503, {"Retry-After": "1"})

    @app.exception_handler(TooSlow)
    async def too_slow(_: Request, error: TooSlow) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 504)

    @app.exception_handler(TraceError)
    async def not_done(_: Request, error: TraceError) -> JSONResponse:
        if isinstance(error, BadMessage | Unauthorised | Stale):
            fault = {"loc": ["body"], "msg": str(error), "type": "value_error"}
            return JSONResponse({"detail": [fault]}, 422)
        return JSONResponse({"detail": str(error)}, 404 if isinstance(error, NoRequest) else 409)

    app.include_router(records)
    app.include_router(router)


@router.post("/calls")
async def trace(given: TraceIn, desk: AtTraceDesk, who: Who) -> list[TracedOut]:
    """Calls traced back: the hop in, the hop out, the holder, who connected it, and the carriers behind them."""
    may_look(who, given.full)
    around = (0, 2**62)
    if given.at is not None:
        middle, half = microseconds(given.at), int(given.within * 1e6)
        around = (middle - half, middle + half)
    question = {
        "caller": number(desk, given.caller, "caller"),
        "callee": number(desk, given.callee, "callee"),
        "begin": around[0],
        "end": around[1],
    }
    asked = {"command": "find", "told": True, "limit": given.limit, "question": question}
    calls = await desk.look(asked, who, given.full)
    await audited(desk, who, "trace", [call["record"] for call in calls], given.full)
    book = await desk.book()
    traced = []
    for call in calls:
        requests = await book.of_record(who, desk.node, call["record"])
        more = {"chain": chain(requests, given.full), "requests": [plain(each, given.full) for each in requests]}
        traced.append(TracedOut.model_validate({**call, **more}))
    return traced


@router.post("/requests", status_code=201)
async def request(given: RequestIn, desk: AtTraceDesk, who: Who) -> RequestOut:
    """Ask a peer about a call of ours; with `send` it goes out at once, and again until the peer has it."""
    must_be(who, "officer", "operator")
    book = await desk.book()
    call = await desk.look({"command": "show", "record": given.record}, who, full=True)
    if call is None:
        raise NotOnRecord(f"no decision has the number {given.record}")
    more = {"why": given.why, "reference": given.reference, "contact": given.contact}
    place, _ = await ask_peer(book, who, call, desk.node, given.peer, **more)
    if given.send:
        await post.send(book, who, place)
        desk.hurry()
    return RequestOut.model_validate(plain(await book.get(who, place), in_full=False))


@router.get("/requests")
async def listing(
    desk: AtTraceDesk,
    who: Who,
    state: State | None = None,
    direction: Direction | None = None,
    after: Annotated[int, Query(ge=0, le=2**62, description="behind this id")] = 0,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = 100,
) -> list[RequestOut]:
    """Requests in the order in which they were made; numbers are masked. Overdue ones are in that state alone."""
    rows = await (await desk.book()).listing(who, state, direction, after, limit)
    return [RequestOut.model_validate(plain(row, in_full=False)) for row in rows]


@router.get("/requests/{place}")
async def show(place: Id, desk: AtTraceDesk, who: Who, full: Full = False) -> WholeOut:
    """One request, its answer, and every message about it."""
    may_look(who, full)
    book = await desk.book()
    found = await book.get(who, place)
    if full:
        await book.note_look(who, {"command": "trace show", "request": place})
    said = [one._asdict() for one in await book.said(who, place)]
    return WholeOut.model_validate({**plain(found, full), "said": said})


@router.post("/requests/{place}/answer")
async def answer(place: Id, given: AnswerIn, desk: AtTraceDesk, who: Who) -> RequestOut:
    """Answer a peer's request: our hop of the call that it asks about, and what our own requests found behind it."""
    must_be(who, "officer", "operator")
    book = await desk.book()

    async def find(question: dict[str, Any]) -> list[Call]:
        asked = {"command": "find", "told": True, "limit": MOST_SEARCHED, "question": question}
        found: list[Call] = await desk.look(asked, who, full=True)
        return found

    await answer_peer(book, who, place, desk.node, find, given.record)
    desk.hurry()
    return RequestOut.model_validate(plain(await book.get(who, place), in_full=False))


@router.post("/requests/{place}/refusal")
async def refuse(place: Id, given: RefusalIn, desk: AtTraceDesk, who: Who) -> RequestOut:
    """Tell a peer that and why it gets no answer."""
    book = await desk.book()
    await steps.refuse(book, who, place, given.why)
    desk.hurry()
    return RequestOut.model_validate(plain(await book.get(who, place), in_full=False))


@router.post(
    "/requests/{place}/file",
    response_class=Response,
    responses={200: {"content": {jws.MEDIA_TYPE: {}}, "description": "Our newest message, signed now"}},
)
async def export(place: Id, desk: AtTraceDesk, who: Who) -> Response:
    """Our newest message about a request, to be handed over as a file; it counts as delivered. For officers."""
    must_be(who, "officer")
    letter = await post.export(await desk.book(), who, place)
    return Response(letter.text, media_type=jws.MEDIA_TYPE)


@router.post(
    "/messages",
    openapi_extra={"requestBody": {"required": True, "content": {jws.MEDIA_TYPE: {"schema": {"type": "string"}}}}},
    responses={422: {"description": "No peer signed it for us, or not lately, or it says nothing that is known"}},
)
async def take(request: Request, desk: AtTraceDesk, who: Who) -> TakenOut:
    """Take a peer's message that came as a file, as the body."""
    must_be(who, "officer", "operator")
    book = await desk.book()
    message = post.opened(book, (await request.body()).decode(errors="replace"))
    taken = await post.take(book, message, f"file by {who.name}"[:128])
    return TakenOut(**taken._asdict())


@router.post("/requests/{place}/{step}")
async def step(place: Id, step: Literal["send", "accept", "close"], desk: AtTraceDesk, who: Who) -> RequestOut:
    """Send what is unsent; tell a peer that its request is looked into; put a request away."""
    book = await desk.book()
    if step == "send":
        await post.send(book, who, place)
    elif step == "accept":
        await steps.accept(book, who, place)
    else:
        await steps.close(book, who, place)
    desk.hurry()
    return RequestOut.model_validate(plain(await book.get(who, place), in_full=False))
