"""Facts about a call read from the store as they stand, nothing counted: what the next INVITE would be judged by."""

from __future__ import annotations

import asyncio

import hiredis

from ringfence.lookups import IndexView, Keys, Place, RoamingSettings, StoreError, roaming_service
from ringfence.lookups.callee_calls import CalleeCallsQuestion
from ringfence.lookups.caller_rate import CallerRateQuestion
from ringfence.lookups.consent import ConsentQuestion
from ringfence.lookups.questions import NO_NUMBER, Fact, Question, command
from ringfence.lookups.roaming import NO_CHECK, NOT_ABROAD, RoamingQuestion, concerns
from ringfence.lookups.score import ScoreQuestion
from ringfence.lookups.slots import slot_of_command, split
from ringfence.lookups.topology import ask, server_for
from ringfence.lookups.watch import STRANGE, believable, looking
from ringfence.screening import Call, Facts, Need, Pipeline, Roaming, Unknown

TIMEOUT = 2.0  # seconds: nobody's call waits here


async def filled(
    call: Call,
    given: Facts,
    needs: frozenset[Need],
    keys: Keys,
    pipeline: Pipeline,
    place: Place,
    roaming: RoamingSettings,
) -> Facts:
    """`given`, with what it lacks of `needs` read from the store. Raises StoreError.

    pipeline: says over which times is counted. roaming: who is asked which subscribers are abroad.
    """
    facts = given.copy()
    for need in sorted(needs):
        if not isinstance(getattr(facts, need), Unknown):
            continue
        if need is Need.ROAMING and roaming.source != "redis":
            facts.roaming = await _roaming(call, roaming)
        else:
            setattr(facts, need, await _fact(need, call, keys, pipeline, place))
    return facts


def lacking(given: Facts, needs: frozenset[Need], why: str) -> Facts:
    """`given`, where what it lacks of `needs` cannot be had."""
    facts = given.copy()
    for need in needs:
        if isinstance(getattr(facts, need), Unknown):
            setattr(facts, need, Unknown(why))
    return facts


async def _fact(need: Need, call: Call, keys: Keys, pipeline: Pipeline, place: Place) -> Fact:
    if need is Need.CALLER_RATE:
        return await _rate(call, keys, pipeline.rate_window, place)
    question: Question
    if need is Need.CONSENT:
        question = ConsentQuestion(await _view(keys, place))
    elif need is Need.CALLEE_CALLS:
        question = CalleeCallsQuestion(keys, pipeline.callee_memory)
    else:
        question = ScoreQuestion(keys) if need is Need.SCORE else RoamingQuestion(keys)
    commands = question.commands(call)
    if not isinstance(commands, bytes):
        return commands
    return question.fact(call, await _ask(place, commands), 0)


async def _roaming(call: Call, settings: RoamingSettings) -> Roaming | Unknown:
    """As the daemon would learn it where it does not ask the store."""
    service = roaming_service(settings)
    if service is None:
        return NO_CHECK if concerns(call) else NOT_ABROAD
    if not concerns(call):
        return NOT_ABROAD
    answer: asyncio.Future[Roaming | Unknown] = asyncio.get_running_loop().create_future()
    await service.start()
    try:
        service.ask(call.caller.value, answer.set_result)
        return await answer
    finally:
        await service.close()


async def _view(keys: Keys, place: Place) -> IndexView:
    """The index as it is believed now."""
    pointer, fresh = await _ask(place, looking(keys))
    view = IndexView()
    found = believable(keys, None, pointer, bool(fresh)) if isinstance(pointer, dict) else STRANGE
    if isinstance(found, Unknown):
        view.doubt(found)
    else:
        view.believe(found, {})
    return view


async def _rate(call: Call, keys: Keys, window: float, place: Place) -> Fact:
    """As if this call had been counted: the call path's own question would count it."""
    if not call.caller.value:
        return NO_NUMBER
    digest = keys.digest(call.caller.value)
    bucket = int(call.at) // max(1, round(window))
    commands = command(b"GET", keys.attempts(digest, bucket)) + command(b"GET", keys.attempts(digest, bucket - 1))
    now, before = await _ask(place, commands)
    count = int(now) if isinstance(now, bytes) and now.isdigit() else 0
    return CallerRateQuestion(keys, window).fact(call, [b"OK", count + 1, before], 0)


async def _ask(place: Place, commands: bytes) -> list[object]:
    """The replies to some commands about keys of one slot, on a connection of their own."""
    server = await server_for(place, slot_of_command(commands), TIMEOUT)
    replies = await ask(server, TIMEOUT, *split(commands))
    for reply in replies:
        if isinstance(reply, hiredis.ReplyError):
            raise StoreError(f"the store did not do it: {str(reply)[:120]}")
    return replies
