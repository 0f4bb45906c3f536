"""The roaming check of a service: a real HTTP server, and every way in which it may fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError
from tests.support.asking import CALLER, WINDOW, Asked
from tests.support.net import free_port
from tests.support.trunks import trunk_of

from ringfence.lookups import Keys, Lookups, RoamingSettings
from ringfence.lookups.roaming import NOT_ABROAD
from ringfence.lookups.roaming_http import RoamingService, WithRoaming
from ringfence.numbering import Numbering, NumberingSettings
from ringfence.screening import Call, Need, Rate, Roaming, Unknown

CHINA = Numbering(NumberingSettings())
BOTH = frozenset({Need.ROAMING, Need.CALLER_RATE})
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def from_abroad(caller: str = CALLER) -> Call:
    trunk = trunk_of(name="abroad", holder="Example International", kind="international")
    return Call(trunk, CHINA.read(caller), CHINA.read("+8613900139000"), at=1_800_000_000.0)


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """A service on loopback; gives its URL."""
    app = web.Application()
    app.router.add_post("/roaming", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}/roaming"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def service(url: str, token: str | None = None, **more: Any) -> AsyncIterator[RoamingService]:
    settings = RoamingSettings.model_validate({"source": "http", "url": url, "deadline": "500ms", **more})
    made = RoamingService(settings, token)
    await made.start()
    try:
        yield made
    finally:
        await made.close()


async def asked(made: RoamingService, number: str = CALLER) -> Roaming | Unknown:
    answer: asyncio.Future[Roaming | Unknown] = asyncio.get_running_loop().create_future()
    made.ask(number, answer.set_result)
    return await asyncio.wait_for(answer, 5)


async def test_it_is_told_the_number_and_the_token_and_nothing_in_the_url() -> None:
    seen: list[tuple[str, Any, str | None]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.path_qs, await request.json(), request.headers.get("Authorization")))
        return web.json_response({"roaming": (await request.json())["number"] == CALLER})

    async with served(answer) as url, service(url, "secret") as made:
        assert await asked(made) == Roaming(True)
        assert await asked(made, "+8613800138001") == Roaming(False)
        assert made.stats()["answered"] == 2
    assert seen == [
        ("/roaming", {"number": CALLER}, "Bearer secret"),
        ("/roaming", {"number": "+8613800138001"}, "Bearer secret"),
    ]


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (lambda: web.json_response({"roaming": "yes"}), "wrong_reply"),
        (lambda: web.json_response({"roaming": None}), "wrong_reply"),
        (lambda: web.json_response([True]), "wrong_reply"),
        (lambda: web.json_response({}), "wrong_reply"),
        (lambda: web.Response(text="yes"), "wrong_reply"),
        (lambda: web.Response(body=b"\xff" * 100_000), "wrong_reply"),
        (lambda: web.Response(status=404), "status_404"),
        (lambda: web.Response(status=500), "status_500"),
        (lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}), "status_302"),
    ],
)
async def test_what_is_no_answer(response: Callable[[], web.Response], reason: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        return response()

    async with served(answer) as url, service(url) as made:
        assert await asked(made) == Unknown(reason)
        assert made.stats()["unknown"] == {reason: 1}


async def test_nobody_there() -> None:
    async with service(f"http://127.0.0.1:{free_port()}/") as made:
        assert await asked(made) == Unknown("unreachable")


async def test_silence_ends_at_the_deadline_and_opens_the_breaker() -> None:
    async def silent(request: web.Request) -> web.Response:
        await asyncio.sleep(3)
        return web.json_response({"roaming": True})

    breaker = {"failures": 2, "window": "10s", "open": "15s"}
    async with served(silent) as url, service(url, deadline="50ms", breaker=breaker) as made:
        loop = asyncio.get_running_loop()
        for _ in range(2):
            began = loop.time()
            assert await asked(made) == Unknown("deadline")
            assert 0.04 < loop.time() - began < 1.0
        assert await asked(made) == Unknown("breaker_open")
        assert (made.stats()["breaker"], made.stats()["breaker_opened"]) == ("open", 1)


async def test_questions_beyond_the_bound_are_shed() -> None:
    gate = asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        await gate.wait()
        return web.json_response({"roaming": True})

    async with served(slow) as url, service(url, max_pending=3, deadline="5s") as made:
        answers: list[Roaming | Unknown] = []
        for _ in range(5):
            made.ask(CALLER, answers.append)
        assert answers == [Unknown("overloaded")] * 2
        assert (made.stats()["pending"], made.stats()["shed"]) == (3, 2)
        gate.set()
        async with asyncio.timeout(5):
            while len(answers) < 5:
                await asyncio.sleep(0.01)
        assert answers[2:] == [Roaming(True)] * 3
        assert made.stats()["pending"] == 0


async def test_who_still_waits_at_the_end_is_told() -> None:
    async def silent(request: web.Request) -> web.Response:
        await asyncio.sleep(3)
        return web.Response()

    answers: list[Roaming | Unknown] = []
    async with served(silent) as url:
        async with service(url) as made:
            made.ask(CALLER, answers.append)
            await asyncio.sleep(0.05)
        assert answers == [Unknown("closed")]


async def test_a_call_waits_for_both_and_is_answered_once(lookups: Lookups, keys: Keys) -> None:
    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(0.02)
        return web.json_response({"roaming": True})

    async with served(answer) as url, service(url) as made:
        asking = Asked(WithRoaming(lookups, made))  # type: ignore[arg-type]
        first, second, third, fourth = await asking.all(
            asking.submit(from_abroad(), needs=BOTH)
            + asking.submit(from_abroad("+442079460001"), needs=BOTH)
            + asking.submit(from_abroad(), needs=frozenset({Need.ROAMING}))
            + asking.submit(from_abroad(), needs=frozenset({Need.CALLER_RATE}))
        )
    assert (first.roaming, first.caller_rate) == (Roaming(True), Rate(1, WINDOW))
    assert (second.roaming, second.caller_rate) == (NOT_ABROAD, Rate(1, WINDOW))
    assert third.roaming == Roaming(True)
    assert fourth.caller_rate == Rate(2, WINDOW)
    assert made.stats()["asked"] == 2  # a foreigner is nobody's subscriber


async def test_one_batch_of_many_calls(lookups: Lookups) -> None:
    async def answer(request: web.Request) -> web.Response:
        number = (await request.json())["number"]
        return web.json_response({"roaming": number.endswith("7")})

    calls = [from_abroad(f"+86138001380{index:02d}") for index in range(50)]
    async with served(answer) as url, service(url) as made:
        asking = Asked(WithRoaming(lookups, made))  # type: ignore[arg-type]
        facts = await asking.all(asking.submit(*calls, needs=BOTH))
    assert [each.roaming for each in facts] == [Roaming(index % 10 == 7) for index in range(50)]


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"source": "http"}, "source http needs a url"),
        ({"url": "ftp://x"}, "pattern"),
        ({"token_file": "a", "token_env": "b"}, "exclude each other"),
        ({"deadline": "50"}, "a duration needs a number with its unit"),
    ],
)
def test_settings(part: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RoamingSettings.model_validate(part)
