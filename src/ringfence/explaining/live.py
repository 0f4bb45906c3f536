"""Facts about a call read from the store as they stand, nothing counted: what the next INVITE would be judged by."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import hiredis

from ringfence.lookups import Address, Keys, RoamingSettings, StoreError, roaming_service
from ringfence.lookups.caller_rate import CallerRateQuestion
from ringfence.lookups.consent import ConsentQuestion
from ringfence.lookups.questions import NO_NUMBER, Fact, Question, command
from ringfence.lookups.resp import RespConnection
from ringfence.lookups.roaming import NO_CHECK, NOT_ABROAD, RoamingQuestion, concerns
from ringfence.lookups.score import ScoreQuestion
from ringfence.screening import Call, Facts, Need, Roaming, Unknown

TIMEOUT = 2.0  # seconds: nobody's call waits here


async def filled(
    call: Call,
    given: Facts,
    needs: frozenset[Need],
    keys: Keys,
    window: float,
    address: Address,
    roaming: RoamingSettings,
) -> Facts:
    """`given`, with what it lacks of `needs` read from the store. Raises StoreError.

    window: seconds over which attempts are counted. roaming: who is asked which subscribers are abroad.
    """
    facts = Facts(given.consent, given.score, given.caller_rate, given.roaming)
    for need in sorted(needs):
        if not isinstance(getattr(facts, need), Unknown):
            continue
        if need is Need.ROAMING and roaming.source != "redis":
            facts.roaming = await _roaming(call, roaming)
        else:
            setattr(facts, need, await _fact(need, call, keys, window, address))
    return facts


def lacking(given: Facts, needs: frozenset[Need], why: str) -> Facts:
    """`given`, where what it lacks of `needs` cannot be had."""
    facts = Facts(given.consent, given.score, given.caller_rate, given.roaming)
    for need in needs:
        if isinstance(getattr(facts, need), Unknown):
            setattr(facts, need, Unknown(why))
    return facts


async def _fact(need: Need, call: Call, keys: Keys, window: float, address: Address) -> Fact:
    if need is Need.CALLER_RATE:
        return await _rate(call, keys, window, address)
    readers: dict[Need, Callable[[Keys], Question]] = {
        Need.CONSENT: ConsentQuestion,
        Need.SCORE: ScoreQuestion,
        Need.ROAMING: RoamingQuestion,
    }
    question = readers[need](keys)
    commands = question.commands(call)
    return (
        question.fact(call, await _ask(address, commands, question.replies), 0) if commands else question.absent(call)
    )


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


async def _rate(call: Call, keys: Keys, window: float, address: Address) -> Fact:
    """As if this call had been counted: the call path's own question would count it."""
    if not call.caller.value:
        return NO_NUMBER
    digest = keys.digest(call.caller.value)
    bucket = int(call.at) // max(1, round(window))
    commands = command(b"GET", keys.attempts(digest, bucket)) + command(b"GET", keys.attempts(digest, bucket - 1))
    now, before = await _ask(address, commands, 2)
    count = int(now) if isinstance(now, bytes) and now.isdigit() else 0
    return CallerRateQuestion(keys, window).fact(call, [b"OK", count + 1, before], 0)


async def _ask(address: Address, commands: bytes, count: int) -> list[object]:
    """The replies to some commands, on a connection of their own."""
    queue: asyncio.Queue[object] = asyncio.Queue()
    lost = StoreError("the store closed the connection")
    connection = await RespConnection.connect(address, TIMEOUT, queue.put_nowait, lambda: queue.put_nowait(lost))
    try:
        connection.write(commands)
        async with asyncio.timeout(TIMEOUT):
            replies = [await queue.get() for _ in range(count)]
    except TimeoutError:
        raise StoreError(f"the store did not answer in {TIMEOUT:.0f} s") from None
    finally:
        connection.close()
    for reply in replies:
        if isinstance(reply, StoreError):
            raise reply
        if isinstance(reply, hiredis.ReplyError):
            raise StoreError(f"the store did not do it: {str(reply)[:120]}")
    return replies
