"""uvicorn around the application; imported by the HTTP process alone, for it costs half a second."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from ringfence.control.app import create_app
from ringfence.control.channel import ask
from ringfence.control.desk import Desk
from ringfence.control.errors import ControlError
from ringfence.control.inbox import create_inbox
from ringfence.control.settings import RegistryPlace, TracePlace
from ringfence.control.trace_desk import TraceDesk
from ringfence.settings_types import read_bind
from ringfence.tracing.settings import InboxSettings

REQUESTS_AT_ONCE = 64


def serve(
    channel: Path,
    bind: tuple[str, int],
    token: str | None,
    registry: RegistryPlace | None = None,
    trace: TracePlace | None = None,
) -> None:
    """Serve HTTP on `bind`, and peers at their inbox, until a signal ends it.

    trace: needs a registry. Raises ControlError where an address or a certificate cannot be had.
    """

    async def asked(command: str, given: dict[str, Any], timeout: float) -> Any:
        return await ask(channel, command, given, timeout)

    desk = None if registry is None else Desk(registry)
    tracing = None if desk is None or trace is None else TraceDesk(desk, trace)
    main = uvicorn.Server(config_of(create_app(asked, token, desk, tracing)))
    sock = _bound(*bind)
    if tracing is None or tracing.settings.inbox is None:
        main.run(sockets=[sock])
    else:
        asyncio.run(_serve_both(main, sock, *inbox_of(tracing, tracing.settings.inbox)))


class Beside(uvicorn.Server):
    """A server in a process whose signals are another one's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None are."""
        yield


def inbox_of(tracing: TraceDesk, settings: InboxSettings) -> tuple[Beside, socket.socket]:
    """The peers' server with its socket. Raises ControlError."""
    config = config_of(create_inbox(tracing, settings))
    if settings.certificate is not None:
        config.ssl_certfile, config.ssl_keyfile = str(settings.certificate), settings.key
    sock = _bound(*read_bind(settings.bind))
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        sock.close()
        raise ControlError(f"trace.inbox: the certificate or its key cannot be used: {error.strerror}") from error
    return Beside(config), sock


async def _serve_both(main: uvicorn.Server, sock: socket.socket, beside: Beside, peers: socket.socket) -> None:
    inbox = asyncio.create_task(beside.serve(sockets=[peers]))
    try:
        await main.serve(sockets=[sock])
    finally:
        beside.should_exit = True
        await inbox


def config_of(app: FastAPI) -> uvicorn.Config:
    """How the application is served: no banner, no access log, bounded in connections and patience."""
    return uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        limit_concurrency=REQUESTS_AT_ONCE,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=2,
    )


def _bound(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ControlError(f"cannot listen on {host} port {port}: {error.strerror}") from error
