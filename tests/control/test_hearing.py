"""The process that records dialled refusals: each once, durable before it says so, bounded for who dials."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.valkey import start_valkey

from ringfence.cli.hearing import last_caller
from ringfence.config import Settings
from ringfence.control.channel import ChannelServer
from ringfence.control.dialled import DialledRefusals
from ringfence.control.hearing import Ear
from ringfence.errors import RingfenceError
from ringfence.lookups import StoreError
from ringfence.registry.actors import Actor
from ringfence.registry.opening import open_registry
from ringfence.registry.register import Registry
from ringfence.registry.settings import RegistrySettings
from ringfence.registry.statements import consent
from ringfence.registry.verify import verify
from ringfence.voice import lines as v
from ringfence.voice.settings import LAST_CALLER, VoiceSettings

CALLER = "+8613900001000"
ROOT = Actor("operator:test", "operator", "here")


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    async with await open_registry(RegistrySettings(), tmp_path) as opened:
        yield opened


def ear(registry: Registry, last: dict[str, str] | None = None, **limits: float) -> Ear:
    settings = VoiceSettings.model_validate({"per_caller_per_hour": 3600.0, **limits})
    return Ear(registry, settings, (last or {}).get, "node-1")


def heard(scope: str = "*", caller: str = CALLER, trunk: str = "access", **more: Any) -> dict[str, Any]:
    return {"caller": caller, "number": "12321", "scope": scope, "trunk": trunk, "at": time.time(), **more}


async def said(registry: Registry) -> list[tuple[str, str, str, str]]:
    rows = await registry.said(CALLER, ROOT)
    return [(row.statement.scope, row.statement.channel, row.recorded_by, row.statement.reference) for row in rows]


async def test_a_refusal_is_recorded_once_however_often_it_is_dialled(registry: Registry) -> None:
    listener = ear(registry)
    assert await listener.refuse(heard()) == {"outcome": v.RECORDED}
    for _ in range(5):
        assert await listener.refuse(heard(at=time.time() + 2)) == {"outcome": v.STANDING}
    reference = "dialled 12321 on trunk access, node node-1"
    assert await said(registry) == [("*", "voice", "voice:access", reference)]
    entries = [entry for entry, _ in await registry.trail(ROOT)]
    assert [(one.action, one.actor, one.origin) for one in entries] == [
        ("recorded", "voice:access", "node-1, dialled 12321")
    ]
    assert (await verify(registry, None)).faults == []


async def test_dialling_again_after_a_newer_consent_refuses_again(registry: Registry) -> None:
    listener = ear(registry)
    now = int(time.time())
    await listener.refuse(heard("holder:Shop", at=now - 100))
    await registry.record(consent(CALLER, "Shop", now - 50, reference="tape"), ROOT)
    assert [row.kind for row in await registry.standing(CALLER, ROOT)] == ["consent"]
    assert await listener.refuse(heard("holder:Shop", at=now)) == {"outcome": v.RECORDED}
    assert [row.kind for row in await registry.standing(CALLER, ROOT)] == ["refusal"]


async def test_the_last_caller_is_the_holder_who_called_last(registry: Registry) -> None:
    listener = ear(registry, {CALLER: "Shop"})
    assert await listener.refuse(heard(LAST_CALLER)) == {"outcome": v.RECORDED}
    assert await listener.refuse(heard(LAST_CALLER, caller="+8613900002000")) == {"outcome": v.NOBODY}
    assert [scope for scope, *_ in await said(registry)] == ["holder:Shop"]


async def test_a_caller_and_a_trunk_are_served_so_often_only(registry: Registry) -> None:
    listener = ear(registry, per_caller_per_hour=4.0)
    outcomes = [(await listener.refuse(heard()))["outcome"] for _ in range(4)]
    assert outcomes == [v.RECORDED, v.STANDING, v.LIMITED, v.LIMITED]
    listener = ear(registry, per_trunk_per_second=3.0)
    flood = [heard(caller=f"+861390000{number}") for number in range(2000, 2010)]
    outcomes = [(await listener.refuse(one))["outcome"] for one in flood]
    assert outcomes.count(v.RECORDED) <= 4
    assert (await listener.refuse(heard("sector:travel", trunk="other")))["outcome"] == v.RECORDED


@pytest.mark.parametrize(
    "asked", [{}, heard(scope="nonsense"), heard(caller=""), heard(at="soon"), heard(more=1), heard(scope="*" * 400)]
)
async def test_what_is_no_refusal_is_refused_with_a_reason(registry: Registry, asked: dict[str, Any]) -> None:
    with pytest.raises(RingfenceError):
        await ear(registry).refuse(asked)


async def test_the_last_caller_is_read_from_the_store(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "data_directory": str(tmp_path),
            "listeners": [{"name": "a", "transport": "udp", "bind": "127.0.0.1:5060"}],
            "gateways": {"default": {"targets": [{"uri": "sip:127.0.0.1:5080"}]}},
            "redis": {"url": f"unix://{tmp_path}/store.sock"},
        }
    )
    found = last_caller(settings)
    with pytest.raises(StoreError):
        found(CALLER)
    valkey = start_valkey(tmp_path)
    try:
        assert await asyncio.to_thread(found, CALLER) is None
    finally:
        valkey.stop()


# -- the SIP process's side -----------------------------------------------------------------------------------


class Told(dict[int, str]):
    def deliver(self, ticket: int, outcome: str) -> None:
        assert ticket not in self
        self[ticket] = outcome


def refusal(scope: str = "*") -> v.Refusal:
    return v.Refusal(CALLER, v.Line("12321", scope), "access", time.time())


async def until(true: Any, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


async def test_over_the_channel(registry: Registry, tmp_path: Path) -> None:
    server = ChannelServer(tmp_path / "voice.sock", {"refuse": ear(registry, per_trunk_per_second=100.0).refuse})
    await server.open()
    told = Told()
    refusals = DialledRefusals(tmp_path / "voice.sock", 5.0, 100)
    for ticket in range(40):
        refusals.submit(ticket, refusal(), told.deliver)
    assert (len(refusals), told) == (40, {})
    await until(lambda: len(told) == 40)
    assert set(told.values()) == {v.RECORDED, v.STANDING}
    assert len(await said(registry)) <= 8  # those of one moment do not know of each other; later ones do
    refusals.submit(99, refusal("nonsense"), told.deliver)
    await until(lambda: 99 in told)
    assert told[99] == v.FAILED
    assert refusals.failing != ""
    refusals.submit(100, refusal(), told.deliver)
    await until(lambda: 100 in told)
    assert (told[100], refusals.failing) == (v.STANDING, "")
    await server.close()


async def test_nobody_listens_or_it_takes_too_long(tmp_path: Path) -> None:
    told = Told()
    refusals = DialledRefusals(tmp_path / "voice.sock", 0.2, 10)
    refusals.submit(1, refusal(), told.deliver)
    await until(lambda: told)

    async def slow(_: Any) -> None:
        await asyncio.sleep(60)

    server = ChannelServer(tmp_path / "voice.sock", {"refuse": slow})
    await server.open()
    began = time.monotonic()
    for ticket in range(2, 14):
        refusals.submit(ticket, refusal(), told.deliver)
    await until(lambda: len(told) == 13)
    assert time.monotonic() - began < 2.0
    assert [told[ticket] for ticket in range(1, 14)] == [v.FAILED] * 11 + [v.BUSY] * 2
    assert refusals.shed == 2
    await until(lambda: not len(refusals))
    refusals.submit(20, refusal(), told.deliver)
    await refusals.close()
    await server.close()
    assert 20 not in told
