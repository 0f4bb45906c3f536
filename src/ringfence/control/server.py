"""uvicorn around the application; imported by the HTTP process alone, for it costs half a second."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from ringfence.control.app import create_app
from ringfence.control.channel import ask
from ringfence.control.desk import Desk
from ringfence.control.errors import ControlError
from ringfence.control.settings import RegistryPlace

REQUESTS_AT_ONCE = 64


def serve(channel: Path, bind: tuple[str, int], token: str | None, registry: RegistryPlace | None = None) -> None:
    """Serve HTTP on `bind` until a signal ends it. Raises ControlError where the address cannot be had."""

    async def asked(command: str, given: dict[str, Any], timeout: float) -> Any:
        return await ask(channel, command, given, timeout)

    desk = None if registry is None else Desk(registry)
    uvicorn.Server(config_of(create_app(asked, token, desk))).run(sockets=[_bound(*bind)])


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
