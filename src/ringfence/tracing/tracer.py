"""From a call on record to a question, and from a question to the call on record: the same for terminal and HTTP.

A look into the records is handed in, since the terminal reads them itself and HTTP has them read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from ringfence.registry.actors import Actor
from ringfence.tracing import steps
from ringfence.tracing.book import TraceBook
from ringfence.tracing.disclosure import Call, asked_about, beside, chain, chosen, fits, hop_of
from ringfence.tracing.errors import Conflict, TraceError
from ringfence.tracing.messages import Asked

WITHIN = 60.0  # seconds by which the clocks of two carriers may differ

Find = Callable[[dict[str, Any]], Awaitable[list[Call]]]
"""A question of `warehouse.library` by its names → whole calls in full. Raises RingfenceError."""


async def ask_peer(
    book: TraceBook, actor: Actor, call: Call, node: str, peer: str | None, **more: str
) -> tuple[int, str]:
    """Draft a request about a call of ours; (its id, the peer's name). more: why, reference, contact.

    peer: None: whose trunk it came from. Raises TraceError.
    """
    holder = call["in"]["holder"]
    asked_one = book.peers.of_holder(holder) if peer is None else book.peers.named(peer)
    if asked_one is None:
        raise TraceError(f"no peer of trace.peers has the holder {holder!r}: say which peer to ask")
    place = await steps.draft(book, actor, asked_one, asked_about(call, WITHIN, **more), node, call["record"])
    return place, asked_one.name


async def answer_peer(
    book: TraceBook, actor: Actor, place: int, node: str, find: Find, record: int | None = None
) -> int:
    """Answer a peer's request from the records, with what our own requests found; the record that it was.

    record: which of several calls that fit. Raises TraceError, Conflict where the call is not there or not the one.
    """
    request = await book.get(actor, place)
    if request.direction != "in":
        raise Conflict(f"request {place} is ours: {request.peer} answers it")
    call = await _the_call(request.asked, find, record)
    behind, signed = await book.upstream(actor, node, call["record"])
    hops = chain(hop_of(call, book.peers.name), behind)
    await steps.answer(book, actor, place, node, call["record"], hops, beside(hops, signed))
    found: int = call["record"]
    return found


async def _the_call(asked: Asked, find: Find, record: int | None) -> Call:
    fitting: dict[int, Call] = {}
    for question in _questions(asked):
        calls = [call for call in await find(question) if fits(asked, call)]
        fitting |= {call["record"]: call for call in calls}
        if record is None and (call := chosen(asked, calls)) is not None:
            return call
    if record in fitting:
        return fitting[record]
    if record is not None:
        raise TraceError(f"record {record} is not the call that is asked about: nothing is told of another one")
    if fitting:
        numbers = ", ".join(str(one) for one in sorted(fitting)[:10])
        raise TraceError(f"several records fit: say which one of {numbers}")
    raise TraceError("no record fits what is asked; `refuse` tells the peer so")


def _questions(asked: Asked) -> Iterator[dict[str, Any]]:
    middle, half = int(asked.at.timestamp() * 1e6), int(asked.within * 1e6)
    when = {"begin": middle - half, "end": middle + half}
    if asked.call_id:
        yield {"call_id": asked.call_id, **when}
    yield {"caller": asked.caller or None, "callee": asked.callee, **when}
