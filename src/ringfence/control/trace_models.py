"""What the paths of tracing take and give, for OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from ringfence.control.records import Asked, CallOut
from ringfence.tracing.proofs import Proof
from ringfence.tracing.requests import Direction, State

Sentence = Annotated[str, Field(max_length=256, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TraceIn(_In):
    """A call to be traced, by its caller, its callee or both."""

    caller: Asked | None = Field(None, description="number that was shown or asserted")
    callee: Asked | None = Field(None, description="number that was called")
    at: AwareDatetime | None = None
    within: float = Field(300.0, ge=0, le=86_400, description="seconds that `at` may be off")
    limit: int = Field(20, ge=1, le=100, description="newest first")
    full: bool = Field(False, description="numbers in full, for officers and auditors; audited")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.caller is None and self.callee is None:
            raise ValueError("caller or callee is missing")
        return self


class RequestIn(_In):
    """A question to the carrier that brought a call."""

    record: int = Field(ge=1, le=2**62, description="the call, by its sequence number")
    peer: str | None = Field(None, max_length=64, description="which peer; none: the one whose trunk it came from")
    why: Sentence = Field("", description="what the call is held to be")
    reference: Sentence = Field("", description="our case number")
    contact: Sentence = Field("", description="whom to call")
    send: bool = Field(False, description="send it at once, where the peer has a url")


class AnswerIn(_In):
    """record: which of several calls that fit; none: the only one."""

    record: int | None = Field(None, ge=1, le=2**62)


class RefusalIn(_In):
    """Why a peer gets no answer; it is told so."""

    why: Sentence = Field(min_length=1)


class HopOut(BaseModel):
    """What a carrier says of the call. joined: by what it is the call that was asked about.

    proof: whose signature stands behind it: the carrier's `own`, that of an `unknown_key`, a `wrong` one, `none`; "" of
    our own answer.
    """

    carrier: str
    at: datetime
    call_id: str
    came: dict[str, str] = Field(description="holder, trunk, kind, connected_by, transport, address")
    went: dict[str, str] | None = Field(description="gateway, address")
    shown: str
    shown_as: str
    asserted: list[str]
    callee: str
    action: str
    joined: list[str]
    proof: Proof | Literal[""]


class RequestOut(BaseModel):
    """A trace request. direction: `out` where we ask. record: our call, 0 while it is not known."""

    id: int
    name: str
    direction: Direction
    peer: str
    state: State
    node: str
    record: int
    made_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    asked: dict[str, str | float]
    part: int
    hops: list[HopOut]
    why: str


class SaidOut(BaseModel):
    """A message about a request, in epoch seconds."""

    direction: Direction
    kind: str
    at: int
    delivered_at: int | None
    send_at: int | None
    tries: int
    trouble: str


class WholeOut(RequestOut):
    """A request with everything that was said about it."""

    said: list[SaidOut]


class TracedOut(CallOut):
    """A call on record. chain: the hops of other carriers behind ours, nearest first. requests: what was asked."""

    chain: list[HopOut]
    requests: list[RequestOut]


class TakenOut(BaseModel):
    """A peer's message that is on record. new: false when it was before."""

    request: int
    peer: str
    kind: str
    new: bool
