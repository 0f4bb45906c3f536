"""The operators' HTTP interface."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringfence import __version__
from ringfence.control.desk import Desk
from ringfence.control.errors import ControlError, Refused, Unanswered
from ringfence.control.imports import IMPORTS_PATH, serve_imports
from ringfence.control.question import Question
from ringfence.control.registry import EVIDENCE_PATH, serve_registry
from ringfence.control.trace_desk import TraceDesk
from ringfence.control.tracing import serve_tracing
from ringfence.telemetry.metrics import CONTENT_TYPE, render

Ask = Callable[[str, dict[str, Any], float], Awaitable[Any]]
"""(command, arguments, timeout in seconds) → the SIP process's answer; raises Unanswered or Refused."""

LONGEST_BODY = 64 * 1024  # one SIP message to explain fits
LOOK_TIMEOUT = 1.0  # seconds: a scrape or a health check must not wait for a hung process
WORK_TIMEOUT = 60.0  # seconds for a reload, which may read millions of number ranges


class Live(BaseModel):
    """The SIP process's loop turns."""

    live: bool


class Readiness(BaseModel):
    """Whether calls are served, and why not. warnings: what is amiss although they are."""

    ready: bool
    generation: int | None = None
    reasons: list[str] = []
    warnings: list[str] = []


class Generation(BaseModel):
    """Which settings are in force."""

    generation: int


class Reloaded(BaseModel):
    """How a reload went. faults: `file:line: path: message` each; with any of them nothing was changed."""

    generation: int
    faults: list[str] = []


class Draining(BaseModel):
    """No new calls are taken; the process ends when the last call did."""

    draining: Literal[True] = True


bearer = HTTPBearer(auto_error=False, description="the token of control.token_file or control.token_env")


class Operator:
    """Lets a request through that carries the token."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> None:
        """Raises HTTPException: 403 without a configured token, 401 without the right one."""
        if self._token is None:
            raise HTTPException(403, "commands are off: control.token_file or control.token_env is not set")
        if given is None or not hmac.compare_digest(given.credentials.encode(), self._token.encode()):
            raise HTTPException(401, "a valid bearer token is needed", {"WWW-Authenticate": "Bearer"})


def create_app(ask: Ask, token: str | None, desk: Desk | None = None, tracing: TraceDesk | None = None) -> FastAPI:
    """The application.

    token: what commands must carry as `Authorization: Bearer …`; None: every command is refused with 403.
    desk: the registry behind `/registry`; None: without that part. tracing: `/trace` and `/records`, likewise; it needs
    the desk.
    """
    app = FastAPI(
        title="ringfence",
        version=__version__,
        summary="Health, metrics and commands of one ringfence node",
        docs_url=None,  # its page would load scripts from a public host
        redoc_url=None,
        lifespan=tracing.lifespan if tracing is not None else None if desk is None else desk.lifespan,
    )
    longer = {} if desk is None else {EVIDENCE_PATH: desk.longest_evidence, IMPORTS_PATH: desk.longest_list}
    app.add_middleware(BodyLimit, limit=LONGEST_BODY, longer=longer)
    if desk is not None:
        serve_registry(app, desk)
        serve_imports(app)
    if tracing is not None:
        serve_tracing(app, tracing)
    guarded = [Depends(Operator(token))]
    refusals: dict[int | str, dict[str, Any]] = {
        401: {"description": "No valid token"},
        403: {"description": "No token is configured"},
        409: {"description": "The SIP process refuses; the detail says why"},
        413: {"description": f"The body is over {LONGEST_BODY} bytes"},
        503: {"description": "The SIP process does not answer"},
    }
    silent: dict[int | str, dict[str, Any]] = {503: refusals[503]}

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        # What was sent is not sent back: it may be a number, or no text that UTF-8 can carry.
        faults = [{name: fault[name] for name in ("loc", "msg", "type")} for fault in error.errors()]
        return Response(json.dumps({"detail": faults}), 422, media_type="application/json")

    @app.exception_handler(Unanswered)
    async def unanswered(_: Request, error: Unanswered) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 503)

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 409)

    @app.get("/live", responses=silent)
    async def live() -> Live:
        """200 while the SIP process answers, ready or not; 503 otherwise."""
        try:
            await ask("ready", {}, LOOK_TIMEOUT)
        except Refused:
            pass  # a refusal is an answer
        return Live(live=True)

    @app.get("/ready", responses={503: {"model": Readiness, "description": "Not ready; the reasons say why"}})
    async def ready(response: Response) -> Readiness:
        """200 when calls are served, with warnings if something is amiss; 503 with the reasons otherwise."""
        try:
            answer = Readiness.model_validate(await ask("ready", {}, LOOK_TIMEOUT))
        except ControlError as error:
            answer = Readiness(ready=False, reasons=[str(error)])
        if tracing is not None:
            answer.warnings.extend(tracing.warnings())
        if not answer.ready:
            response.status_code = 503
        return answer

    @app.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}, 503: {"content": {"text/plain": {}}, **refusals[503]}},
    )
    async def metrics() -> Response:
        """Prometheus text; 503 with `ringfence_up 0` when the SIP process has none to give within a second."""
        limits = None if desk is None else desk.limits()
        trace = None if tracing is None else tracing.figures()
        try:
            snapshot = await ask("snapshot", {}, LOOK_TIMEOUT)
        except ControlError:
            return Response(render(None, limits, trace), 503, media_type=CONTENT_TYPE)
        return Response(render(snapshot, limits, trace), media_type=CONTENT_TYPE)

    @app.get("/config/generation", responses=silent)
    async def generation() -> Generation:
        """The number of the settings in force; each successful reload adds one."""
        return Generation.model_validate(await ask("ready", {}, LOOK_TIMEOUT))

    @app.post(
        "/reload",
        dependencies=guarded,
        responses={**refusals, 422: {"model": Reloaded, "description": "Faults were found; nothing was changed"}},
    )
    async def reload(response: Response) -> Reloaded:
        """Read the configuration again: all of it or nothing."""
        answer = Reloaded.model_validate(await ask("reload", {}, WORK_TIMEOUT))
        if answer.faults:
            response.status_code = 422
        return answer

    @app.post("/drain", status_code=202, dependencies=guarded, responses=refusals)
    async def drain() -> Draining:
        """Take no new calls and end when the last one did."""
        await ask("drain", {}, LOOK_TIMEOUT)
        return Draining()

    @app.post("/explain", dependencies=guarded, responses=refusals)
    async def explain(question: Question) -> dict[str, Any]:
        """The verdict for a call, with every finding, without making or counting it.

        By the policy in force and with the facts that such a call would get now, except for those that are given.
        """
        answer: dict[str, Any] = await ask("explain", question.model_dump(), WORK_TIMEOUT)
        return answer

    return app


class BodyLimit:
    """Refuses bodies over `limit` bytes with 413 before anything collects them; `longer`: other limits, by path."""

    def __init__(self, app: ASGIApp, limit: int, longer: Mapping[str, int] | None = None) -> None:
        self._app = app
        self._limit = limit
        self._longer = longer or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._longer.get(scope["path"], self._limit)
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length) > limit:
            await JSONResponse({"detail": f"the body is over {limit} bytes"}, 413)(scope, receive, send)
            return
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:  # a chunked body tells its length only by coming
                raise HTTPException(413, f"the body is over {limit} bytes")
            return message

        await self._app(scope, bounded, send)
