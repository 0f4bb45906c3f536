"""The inbox for peers: one path of one application, on a listener of its own, that takes signed messages and no more.

A stranger learns nothing here: what is not signed by a peer is answered with one sentence, and counted.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from ringfence.control.limits import Limiter
from ringfence.control.trace_desk import TraceDesk
from ringfence.registry.errors import RegistryError
from ringfence.tracing import jws, post
from ringfence.tracing.errors import BadMessage, Conflict, NoRequest, Stale, TraceError, Unauthorised
from ringfence.tracing.settings import InboxSettings

PATH = "/trace/inbox"
STATUS = {BadMessage: 400, Unauthorised: 403, Stale: 400, NoRequest: 404, Conflict: 409}
PATIENCE = 10.0  # seconds in which a message has to come
LATER = 60.0  # seconds: what stands in the way is mended by people
_log = structlog.get_logger(__name__)


def create_inbox(desk: TraceDesk, settings: InboxSettings) -> FastAPI:
    """The application; it describes itself to nobody."""
    app = FastAPI(title="ringfence inbox", openapi_url=None)
    strangers = Limiter(settings.failures_per_minute / 60, settings.failures_per_minute)
    peers = Limiter(settings.per_minute / 60, settings.per_minute)

    def told(result: str, status: int, detail: Any, wait: float = 0.0) -> JSONResponse:
        desk.heard[result] += 1
        return JSONResponse(detail, status, {"Retry-After": str(math.ceil(wait))} if wait else None)

    @app.post(PATH)
    async def inbox(request: Request) -> JSONResponse:
        origin = request.client.host if request.client else ""
        wait = strangers.wait(origin)
        if wait:
            return told("too_many", 429, {"detail": "too many messages that nobody signed"}, wait)
        try:
            book = await desk.book()
            message = post.opened(book, await _body(request))
        except (TimeoutError, ClientDisconnect):
            strangers.take(origin)
            return told("bad", 408, {"detail": f"the message did not come within {PATIENCE:g} s"})
        except (BadMessage, Unauthorised, Stale) as error:
            strangers.take(origin)
            _log.warning("a trace message was turned away", origin=origin, why=str(error))
            return told(_result(error), STATUS[type(error)], {"detail": str(error)})
        except (TraceError, RegistryError) as error:
            _log.error("trace messages cannot be taken", why=str(error))
            return told("unavailable", 503, {"detail": "not now"}, LATER)
        wait = peers.take(message.peer.name)
        if wait:
            return told("too_many", 429, {"detail": "too many messages"}, wait)
        try:
            taken = await post.take(book, message, origin)
        except (BadMessage, NoRequest, Conflict) as error:
            return told(_result(error), STATUS[type(error)], {"detail": str(error)})
        except (TraceError, RegistryError) as error:
            _log.error("a trace message cannot be taken", peer=message.peer.name, why=str(error))
            return told("unavailable", 503, {"detail": "not now"}, LATER)
        return told("taken" if taken.new else "repeated", 202 if taken.new else 200, {"taken": True})

    return app


def _result(error: TraceError) -> str:
    return {BadMessage: "bad", Unauthorised: "unauthorised", Stale: "stale", NoRequest: "unknown"}.get(
        type(error), "conflict"
    )


async def _body(request: Request) -> str:
    """Raises BadMessage where it is too long, before all of it has come, TimeoutError and ClientDisconnect."""
    data = bytearray()
    async with asyncio.timeout(PATIENCE):
        async for piece in request.stream():
            data += piece
            if len(data) > jws.LONGEST:
                raise BadMessage(f"is longer than {jws.LONGEST} characters")
    return data.decode(errors="replace")
