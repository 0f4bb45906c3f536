"""The registry over HTTP: record, withdraw, query, prove. Numbers come in bodies, never in URLs that end up in logs."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask

from ringfence.control.desk import Desk
from ringfence.registry.actors import Actor
from ringfence.registry.errors import BadStatement, Forbidden, NotOnRecord, RegistryError
from ringfence.registry.evidence import BadFile, store
from ringfence.registry.proof import KEY, SIGNATURE, TAR, prove
from ringfence.registry.register import LONGEST_PAGE, Said
from ringfence.registry.statements import Statement, check_scope, consent, refusal, wish
from ringfence.sectors import Sector

EVIDENCE_PATH = "/registry/evidence"

Callee = Annotated[str, Field(max_length=64, description="the called number, as anybody would write it")]
Holder = Annotated[str, Field(max_length=256, description="a trunk's holder; none: the token's own")]
Channel = Literal["web", "app", "sms", "voice", "paper", "in_person", "import", "operator"]
Sha256 = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ConsentIn(_In):
    """A consent that a callee gave to a holder."""

    callee: Callee
    holder: Holder = ""
    given_at: AwareDatetime
    until: AwareDatetime | None = None
    sector: Sector | None = None
    purpose: str = Field("", max_length=256, description="brand or purpose")
    channel: Channel
    evidence: Sha256 = Field("", description="SHA-256 of a file that was stored before")
    reference: str = Field("", max_length=256, description="where else the proof is")


class RefusalIn(_In):
    """What a callee refuses; a holder's token takes only `holder:` with its own name."""

    callee: Callee
    scope: str = Field(max_length=300, description="`*`, `sector:NAME` or `holder:NAME`")
    since: AwareDatetime
    channel: Channel
    reference: str = Field("", max_length=256)


class WishIn(_In):
    """A subscriber's standing wish."""

    callee: Callee
    level: Literal["all", "industries", "none"]
    industries: tuple[Sector, ...] = Field((), max_length=10)
    since: AwareDatetime
    channel: Channel


class WithdrawalIn(_In):
    """The end of all consents of a callee to a holder."""

    callee: Callee
    holder: Holder = ""
    why: str = Field("", max_length=256)


class Question(_In):
    """A callee, and the holder whose calls are meant."""

    callee: Callee
    holder: Holder | None = None


class RecordedOut(BaseModel):
    """id: the statement's. new: false when the very same was on record. counts: whether it counts now by the rule."""

    id: int
    new: bool
    counts: bool


class EndedOut(BaseModel):
    """How many consents ended."""

    ended: int


class StoredOut(BaseModel):
    """A file of evidence."""

    sha256: str
    size: int
    media_type: str


class StatementOut(BaseModel):
    """A statement as it is on record; in listings the number is masked."""

    id: int
    callee: str
    kind: str
    scope: str
    since: datetime
    until: datetime | None
    sectors: tuple[str, ...]
    level: str
    purpose: str
    channel: str
    evidence: str
    reference: str
    recorded_at: datetime
    recorded_by: str
    ended_at: datetime | None


class StandingOut(BaseModel):
    """What counts for one scope. since: null for a consent without evidence, which beats nothing."""

    scope: str
    kind: str
    since: datetime | None
    until: datetime | None


class Answer(BaseModel):
    """What is on record and what of it counts."""

    counts: list[StandingOut]
    said: list[StatementOut]


class EntryOut(BaseModel):
    """An audit entry; `at` in milliseconds since 1970, `detail` the JSON text that was hashed."""

    sequence: int
    at: int
    actor: str
    origin: str
    action: str
    subject: int | None
    detail: str
    hash: str


_bearer = HTTPBearer(auto_error=False, description="a token of `ringfence registry token add`", scheme_name="registry")


async def at_desk(request: Request) -> Desk:
    """The application's desk."""
    desk: Desk = request.app.state.desk
    return desk


async def who_asks(
    request: Request,
    desk: Annotated[Desk, Depends(at_desk)],
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Actor:
    """Whose token came along."""
    if given is None:
        raise HTTPException(401, "a valid bearer token is needed", {"WWW-Authenticate": "Bearer"})
    return await desk.actor(given.credentials, request.client.host if request.client else "")


AtDesk = Annotated[Desk, Depends(at_desk)]
Who = Annotated[Actor, Depends(who_asks)]

REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The body is no JSON in UTF-8"},
    401: {"description": "No valid token"},
    403: {"description": "The token's role does not allow it"},
    413: {"description": "The body is too long"},
    429: {"description": "Too many requests; Retry-After says when the next one is served"},
    503: {"description": "The registry's database does not answer"},
}
router = APIRouter(prefix="/registry", tags=["registry"], responses=REFUSALS)
_KNOWN: dict[int | str, dict[str, Any]] = {200: {"model": RecordedOut, "description": "It was on record already"}}


def serve_registry(app: FastAPI, desk: Desk) -> None:
    """Add the registry's paths to an application."""
    app.state.desk = desk

    @app.exception_handler(BadStatement)
    async def bad_statement(_: Request, error: BadStatement) -> JSONResponse:
        fault = {"loc": ["body", error.field], "msg": error.message, "type": "value_error"}
        return JSONResponse({"detail": [fault]}, 422)

    @app.exception_handler(Forbidden)
    async def forbidden(_: Request, error: Forbidden) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 403)

    @app.exception_handler(NotOnRecord)
    async def not_on_record(_: Request, error: NotOnRecord) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 404)

    @app.exception_handler(BadFile)
    async def bad_file(_: Request, error: BadFile) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 415)

    @app.exception_handler(RegistryError)
    async def unavailable(_: Request, error: RegistryError) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 503)

    app.include_router(router)


@router.post("/consents", status_code=201, responses=_KNOWN)
async def record_consent(given: ConsentIn, desk: AtDesk, who: Who, response: Response) -> RecordedOut:
    """Record a consent; durable when this is answered."""
    one = consent(
        desk.number(given.callee),
        given.holder or who.holder,
        _seconds(given.given_at),
        until=None if given.until is None else _seconds(given.until),
        sectors=() if given.sector is None else (given.sector,),
        purpose=given.purpose,
        channel=given.channel,
        evidence=given.evidence,
        reference=given.reference,
    )
    return await _record(one, desk, who, response)


@router.post("/refusals", status_code=201, responses=_KNOWN)
async def record_refusal(given: RefusalIn, desk: AtDesk, who: Who, response: Response) -> RecordedOut:
    """Record a refusal; it beats every older consent at once, and is durable when this is answered."""
    one = refusal(
        desk.number(given.callee),
        given.scope,
        _seconds(given.since),
        channel=given.channel,
        reference=given.reference,
    )
    return await _record(one, desk, who, response)


@router.post("/wishes", status_code=201, responses=_KNOWN)
async def record_wish(given: WishIn, desk: AtDesk, who: Who, response: Response) -> RecordedOut:
    """Record a standing wish, in the place of the callee's earlier ones."""
    since = _seconds(given.since)
    one = wish(desk.number(given.callee), given.level, since, given.industries, channel=given.channel)
    return await _record(one, desk, who, response)


@router.post("/withdrawals")
async def withdraw(given: WithdrawalIn, desk: AtDesk, who: Who) -> EndedOut:
    """End all consents of a callee to a holder."""
    registry = await desk.registry()
    scope = _holder(given.holder or who.holder)
    return EndedOut(ended=await registry.end(desk.number(given.callee), who, {"consent"}, scope, given.why))


@router.post("/queries")
async def query(given: Question, desk: AtDesk, who: Who) -> Answer:
    """What is on record about a callee, and what of it counts. A holder's token sees what concerns itself."""
    registry = await desk.registry()
    callee = desk.number(given.callee)
    holder = given.holder or who.holder or None
    rows = await registry.standing(callee, who, holder)
    said = await registry.said(callee, who, holder)
    if rows or said:
        await registry.look(who, "queried", callee, {"holder": holder})  # before it is shown
    return Answer(
        counts=[
            StandingOut(
                scope=row.scope,
                kind=row.kind,
                since=time_of(row.since) if row.since else None,
                until=time_of(row.until),
            )
            for row in rows
        ],
        said=[_out(one) for one in said],
    )


@router.post(
    "/proofs",
    response_class=FileResponse,
    responses={
        200: {"content": {"application/x-tar": {}}, "description": f"A tar with {TAR}, {SIGNATURE} and {KEY}"},
        404: {"description": "Nothing is on record about this callee and holder"},
    },
)
async def proof(given: Question, desk: AtDesk, who: Who) -> FileResponse:
    """All that is on record about a callee and a holder, signed; `ringfence consent proof` says how it is verified."""
    holder = given.holder or who.holder
    _holder(holder)
    registry = await desk.registry()
    folder = Path(tempfile.mkdtemp(prefix="ringfence-proof-"))
    try:
        await prove(registry, desk.evidence, desk.signer(), desk.number(given.callee), holder, who, folder)
        whole = folder / "bundle.tar"
        with tarfile.open(whole, "w") as tar:
            for name in (TAR, SIGNATURE, KEY):
                tar.add(folder / name, name)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    done = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    return FileResponse(whole, media_type="application/x-tar", filename="consent-proof.tar", background=done)


@router.post(
    "/evidence",
    status_code=201,
    responses={415: {"description": "The file is empty, or of a kind that is not taken"}},
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {}}}},
)
async def store_evidence(request: Request, desk: AtDesk, who: Who) -> StoredOut:
    """Keep a file, sent as the body as it is; consents name it by the SHA-256 that is answered."""
    stored = await store(await desk.registry(), desk.evidence, [await request.body()], who)
    return StoredOut(**stored._asdict())


@router.get("/statements")
async def statements(
    desk: AtDesk,
    who: Who,
    holder: Annotated[str, Query(max_length=256, description="only about this holder; none: the token's own")] = "",
    after: Annotated[int, Query(ge=0, le=2**62, description="behind this id")] = 0,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = 100,
    full: Annotated[bool, Query(description="numbers in full, for operators and auditors; audited")] = False,
) -> list[StatementOut]:
    """Statements in the order in which they were recorded; numbers are masked."""
    about = holder or who.holder
    scope = _holder(about) if about else None
    return [_out(one) for one in await (await desk.registry()).listing(who, scope, after, limit, full)]


@router.get("/audit")
async def audit(
    desk: AtDesk,
    who: Who,
    after: Annotated[int, Query(ge=0, le=2**62, description="behind this sequence")] = 0,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = 100,
) -> list[EntryOut]:
    """The audit trail, for auditors and operators."""
    entries = await (await desk.registry()).trail(who, after, limit)
    return [EntryOut(**entry._asdict(), hash=digest) for entry, digest in entries]


async def _record(one: Statement, desk: Desk, who: Actor, response: Response) -> RecordedOut:
    registry = await desk.registry()
    done = await registry.record(one, who)
    if not done.new:
        response.status_code = 200
    rows = await registry.standing(one.callee, who, one.holder or who.holder or None)
    return RecordedOut(
        id=done.id, new=done.new, counts=any(row.kind == one.kind and _same(row.scope, one) for row in rows)
    )


def _same(scope: str, one: Statement) -> bool:
    return scope in [f"sector:{name}" for name in one.sectors] if one.level == "industries" else scope == one.scope


def _holder(name: str) -> str:
    scope = f"holder:{name}"
    check_scope(scope)
    return scope


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def time_of(moment: int | None) -> datetime | None:
    """Epoch seconds as JSON shows them."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC)


def _out(one: Said) -> StatementOut:
    said = one.statement
    return StatementOut.model_validate(
        {
            "id": one.id, "callee": said.callee, "kind": said.kind, "scope": said.scope, "since": time_of(said.since),
            "until": time_of(said.until), "sectors": said.sectors, "level": said.level, "purpose": said.purpose,
            "channel": said.channel, "evidence": said.evidence, "reference": said.reference,
            "recorded_at": time_of(one.recorded_at), "recorded_by": one.recorded_by, "ended_at": time_of(one.ended_at),
        }
    )  # fmt: skip
