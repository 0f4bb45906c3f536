"""A store that says what a test wrote: for answers that no healthy server gives."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import hiredis

Command = list[bytes]
GREETING = b"%1\r\n+proto\r\n:3\r\n"


class ScriptedStore:
    """Greets like a server, then answers each command with what `answer` returns (b"" keeps silent).

    commands: every command after the greeting. greetings: every greeting's first command.
    connections: how many were opened. writers: the open ones.
    """

    def __init__(self, answer: Callable[[Command], bytes]) -> None:
        self.answer = answer
        self.hello = GREETING
        self.commands: list[Command] = []
        self.greetings: list[Command] = []
        self.connections = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        parser = hiredis.Reader()
        try:
            while data := await reader.read(65536):
                parser.feed(data)
                while (command := parser.gets()) is not False:
                    writer.write(self._said(command))
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.writers.remove(writer)
            writer.close()

    def _said(self, command: Command) -> bytes:
        if command[0] == b"HELLO":
            self.greetings.append(command)
            return self.hello
        if command[0] == b"SELECT":
            return b"+OK\r\n"
        self.commands.append(command)
        return self.answer(command)


@asynccontextmanager
async def scripted_store(path: Path, answer: Callable[[Command], bytes]) -> AsyncIterator[ScriptedStore]:
    """Serves on a Unix socket at `path`."""
    store = ScriptedStore(answer)
    server = await asyncio.start_unix_server(store.serve, path)
    try:
        yield store
    finally:
        server.close()
        for writer in list(store.writers):
            writer.transport.abort()
        while store.writers:
            await asyncio.sleep(0)


@asynccontextmanager
async def tls_front(store: Path, context: ssl.SSLContext) -> AsyncIterator[int]:
    """A TLS port of 127.0.0.1 that carries bytes to the store's Unix socket and back."""
    tasks: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_unix_connection(store)
        for one, other in ((reader, outer), (inner, writer)):
            task = asyncio.create_task(carry(one, other))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
