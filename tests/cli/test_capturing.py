"""`ringfence capture` where no daemon runs; tests/mirror/test_capturing.py has the rest."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tests.cli.command import SAMPLE, Ringfence
from tests.support.net import free_port

from ringfence.registry.actors import Actor
from ringfence.registry.opening import open_registry, open_ring
from ringfence.registry.settings import RegistrySettings


async def trail(data: Path) -> list[tuple[str, str]]:
    async with await open_registry(RegistrySettings(), data) as registry:
        return [(entry.action, entry.detail) for entry, _ in await registry.trail(Actor("t", "auditor", "t"))]


def test_who_asked_is_noted_before_the_daemon_is(ringfence: Ringfence, data: Path) -> None:
    arguments = ("capture", "start", "--number", "+861000005001", "--for", "90s", "--reason", "why not")
    done = ringfence(*arguments, "--config", SAMPLE)
    assert (done.code, done.out) == (1, "")
    assert "does not answer" in done.err
    (asked, what), (refused, why) = asyncio.run(trail(data))
    assert (asked, refused) == ("capture_asked", "capture_refused")
    said = json.loads(what)
    assert said.pop("digest") == open_ring(RegistrySettings(), data).digest("+861000005001").hex()
    assert said == {"trunk": "", "number": "+8610****5001", "seconds": 90.0, "why": "why not"}
    assert "does not answer" in why


def test_a_capture_that_cannot_be_noted_is_not_asked_for(ringfence: Ringfence, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGFENCE_REGISTRY__URL", f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    done = ringfence("capture", "start", "--trunk", "bank", "--config", SAMPLE)
    assert done.code == 1
    assert done.err.startswith("the registry's database cannot be reached")


def test_list_and_stop_want_a_daemon(ringfence: Ringfence) -> None:
    for arguments in (("list",), ("stop", "20261128-101010-abcd")):
        done = ringfence("capture", *arguments, "--config", SAMPLE)
        assert done.code == 1 and "does not answer" in done.err
    assert ringfence("capture", "start", "--config", SAMPLE).code == 64
