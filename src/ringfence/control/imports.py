"""Lists of consents, refusals and wishes over HTTP: sent as a stream, imported beside, asked about by name."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, Field

from ringfence.control.registry import REFUSALS, AtDesk, Who, time_of
from ringfence.registry.actors import Actor
from ringfence.registry.columns import FileKind
from ringfence.registry.uploads import BadList, TooMany, Upload

IMPORTS_PATH = "/registry/imports"
_RETRY = 30  # seconds: some lists of moderate length

Name = Annotated[str, InPath(pattern=r"^[0-9a-f]{64}$", description="as it was answered when the list was sent")]
Text = Annotated[str, Query(max_length=256)]


class ImportOut(BaseModel):
    """How far a list came.

    size: bytes of it; position: those that are done. line: the last one that is done. recorded: statements that are
    new; known: those that were on record before; bad: lines that were not recorded, which the report names.
    state: `stopped` with the reason `why`: sent again, it goes on where it stopped.
    """

    id: str
    kind: Literal["consents", "refusals", "wishes"]
    state: Literal["waiting", "running", "done", "stopped"]
    why: str
    size: int = Field(ge=0)
    position: int = Field(ge=0)
    line: int = Field(ge=0)
    recorded: int = Field(ge=0)
    known: int = Field(ge=0)
    bad: int = Field(ge=0)
    received_at: datetime


_NONE: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such import, or it is another holder's"}}
router = APIRouter(prefix=IMPORTS_PATH, tags=["registry"], responses=REFUSALS)


def serve_imports(app: FastAPI) -> None:
    """Add the paths to an application that serves the registry."""

    @app.exception_handler(BadList)
    async def bad_list(_: Request, error: BadList) -> JSONResponse:
        return JSONResponse({"detail": [{"loc": ["body"], "msg": str(error), "type": "value_error"}]}, 422)

    @app.exception_handler(TooMany)
    async def too_many(_: Request, error: TooMany) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 429, {"Retry-After": str(_RETRY)})

    app.include_router(router)


@router.post(
    "",
    status_code=202,
    responses={200: {"model": ImportOut, "description": "The same list was sent before, and is imported"}},
    openapi_extra={"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def send_list(
    request: Request,
    response: Response,
    desk: AtDesk,
    who: Who,
    kind: Annotated[FileKind, Query(description="what its lines say")],
    holder: Text = "",
    scope: Annotated[str, Query(max_length=300)] = "",
    given_at: Text = "",
    since: Text = "",
    until: Text = "",
    level: Text = "",
    industries: Text = "",
    sector: Text = "",
    purpose: Text = "",
    channel: Text = "",
    evidence: Text = "",
    reference: Text = "",
) -> ImportOut:
    """Have a list imported: CSV in UTF-8 with a header, in the columns of `ringfence registry import`.

    A value in the query is for all lines that say nothing of their own there, so that a list of numbers is enough: the
    one column `callee`. A holder's token need not name its holder. The list is safe on the disk when this is answered,
    and imported whatever happens then; the same list with the same values is one import, however often it is sent.
    """
    given = {
        "holder": holder, "scope": scope, "given_at": given_at, "since": since, "until": until, "level": level,
        "industries": industries, "sector": sector, "purpose": purpose, "channel": channel, "evidence": evidence,
        "reference": reference,
    }  # fmt: skip
    common = _own({name: value for name, value in given.items() if value}, kind, who)
    upload = await desk.uploads.receive(kind, common, who, request.stream())
    if upload.state == "done":
        response.status_code = 200
    return _out(upload)


@router.get("/{name}", responses=_NONE)
async def import_state(name: Name, desk: AtDesk, who: Who) -> ImportOut:
    """How far a list came; a holder's token sees its own lists."""
    return _out(desk.uploads.find(name, who))


@router.get(
    "/{name}/report",
    response_class=FileResponse,
    responses={200: {"content": {"text/csv": {}}, "description": "CSV"}, **_NONE},
)
async def import_report(name: Name, desk: AtDesk, who: Who) -> FileResponse:
    """The lines that were not recorded so far: line, column, reason. No numbers stand in it."""
    return FileResponse(desk.uploads.report(name, who), media_type="text/csv", filename="report.csv")


def _own(common: dict[str, str], kind: FileKind, who: Actor) -> dict[str, str]:
    """A holder's consents are to itself, its refusals of itself: every line says so unless it says it of its own."""
    if who.role != "holder":
        return common
    own = {"consents": ("holder", who.holder), "refusals": ("scope", who.owner)}.get(kind)
    return common if own is None else {own[0]: own[1], **common}


def _out(upload: Upload) -> ImportOut:
    moment = time_of(round(upload.at))
    assert moment is not None
    return ImportOut(
        id=upload.name,
        kind=upload.kind,
        state=upload.state,
        why=upload.why,
        size=upload.size,
        received_at=moment,
        **upload.done._asdict(),
    )
