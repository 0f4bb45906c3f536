"""A SIP process of the test's own behind a real socket, real HTTP before it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPMessage
from typing import Any

import uvicorn

from ringfence.control.app import Ask, create_app
from ringfence.control.desk import Desk
from ringfence.control.server import config_of
from ringfence.control.trace_desk import TraceDesk


class Answer:
    """One HTTP answer."""

    def __init__(self, status: int, headers: HTTPMessage, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.text = body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def request(
    address: tuple[str, int],
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """One request on a connection of its own."""
    connection = HTTPConnection(*address, timeout=10)
    try:
        given = {"Content-Type": "application/json"} | (headers or {})
        connection.request(method, path, body if isinstance(body, (bytes, type(None))) else json.dumps(body), given)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


@contextmanager
def served(
    ask: Ask, token: str | None, desk: Desk | None = None, tracing: TraceDesk | None = None
) -> Iterator[tuple[str, int]]:
    """The application on a free port, in a thread with a loop of its own."""
    from socket import create_server

    sock = create_server(("127.0.0.1", 0))
    server = uvicorn.Server(config_of(create_app(ask, token, desk, tracing)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield sock.getsockname()
    finally:
        server.should_exit = True
        thread.join()
