"""`ringfence registry hear`: the process that records what subscribers refuse by dialling."""

from __future__ import annotations

import asyncio
import signal

from ringfence.cli.store import store_of
from ringfence.config import Settings
from ringfence.config.keys import store_keys
from ringfence.control.channel import ChannelServer
from ringfence.control.dialled import CHANNEL
from ringfence.control.hearing import Ear, LastCaller
from ringfence.lookups.clients import client_of, told
from ringfence.registry.opening import open_registry


async def listen(settings: Settings) -> None:
    """Serve the daemon's questions until told to stop. Raises RingfenceError where it cannot begin."""
    async with await open_registry(settings.registry, settings.data_directory) as registry:
        ear = Ear(registry, settings.voice, last_caller(settings), settings.node)
        channel = ChannelServer(settings.data_directory / CHANNEL, {"refuse": ear.refuse})
        await channel.open()
        over = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, over.set)
        try:
            await over.wait()
        finally:
            await channel.close()


def last_caller(settings: Settings) -> LastCaller:
    """Asks the store of a configuration, on a connection a question: few are asked, and a store may move."""
    keys = store_keys(settings)

    def found(callee: str) -> str | None:
        keys.renew()
        with told():
            client = client_of(store_of(settings))
            try:
                holder: bytes | None = client.get(keys.last_caller(keys.digest(callee)))
            finally:
                client.close()
        return None if holder is None else holder.decode()

    return found
