"""What the transport tests share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import uvloop
from tests.transport.support import Authority, Heard, Opener

from ringfence.transport.settings import ListenerSettings
from ringfence.transport.transports import Transports


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The daemon runs on uvloop; what beside it asks or listens, on asyncio's own loop."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def opened() -> AsyncIterator[Opener]:
    """Opens transports with what is given as ListenerSettings; closes them after the test."""
    async with AsyncExitStack() as stack:

        async def make(*parts: ListenerSettings) -> tuple[Transports, Heard]:
            transports, heard = Transports(list(parts)), Heard()
            await transports.open(heard.on_batch, heard.on_unreachable, heard.on_malformed)
            stack.push_async_callback(transports.close)
            return transports, heard

        yield make


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")
