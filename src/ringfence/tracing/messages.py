"""What carriers say to each other about a call: the claims of a message, as JSON inside a JWS (`jws`).

One envelope for every kind. `schema` is its JSON Schema; docs/trace.md tells it to people.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
)

from ringfence.tracing.errors import BadMessage

VERSION = 1
MOST_HOPS = 16  # carriers between a callee and a caller: far more than a call that anybody pays for has
MOST_VALUES = 8  # header field values of one name, as the proxy reads them


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has characters that cannot be printed")
    return text


Text = Annotated[str, Field(max_length=256), AfterValidator(_printable)]
Long = Annotated[str, Field(max_length=512), AfterValidator(_printable)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
Number = Annotated[str, Field(pattern=r"^(\+[0-9]{3,17}|[0-9]{2,17})$")]
"""E.164 with its plus, or a code of the country's own."""
Signed = Annotated[str, Field(max_length=65_536, pattern=r"^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2})?$")]
"""A compact JWS, RFC 7515 §7.1; or nothing."""
Moment = Annotated[AwareDatetime, PlainSerializer(lambda at: at.isoformat(timespec="milliseconds"), return_type=str)]
"""RFC 3339 with an offset."""


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Asked(_Said):
    """The one call that is asked about."""

    callee: Number = Field(description="number called")
    caller: Number | Literal[""] = Field("", description="number shown or asserted; empty: none came")
    at: Moment = Field(description="when its INVITE came to who asks")
    within: float = Field(60.0, ge=0, le=3600, description="seconds by which the clocks may differ")
    call_id: Text = Field("", description="Call-ID that it came with, RFC 3261 §8.1.1.4")
    handed_over: Text = Field("", description="transport and address that it came from, as who asks saw them")
    reference: Text = Field("", description="case number of who asks")
    why: Text = Field("", description="what the call is held to be")
    contact: Text = Field("", description="whom to call")


class Came(_Said):
    """How a call came in."""

    holder: Text = Field(description="customer or carrier that the trunk belongs to")
    trunk: Text = Field(description="the trunk's name")
    kind: Text = Field(description="what the trunk is: enterprise, interconnect, international, …")
    connected_by: Text = Field("", description="who connected the trunk and answers for that; empty: not on record")
    transport: Text
    address: Text = Field(description="address and port that the INVITE came from")


class Went(_Said):
    """How a call went out."""

    gateway: Text
    address: Text


class Hop(_Said):
    """What one carrier has on record of the call."""

    carrier: Name
    at: Moment
    call_id: Text
    came: Came
    went: Went | None = Field(description="null: it was refused, no gateway saw it")
    shown: Number | Literal[""] = Field(description="number that was shown; empty: none that a plan can read")
    shown_as: Long = Field(description="the From field as it came, RFC 3261 §20.20")
    asserted: tuple[Long, ...] = Field(max_length=MOST_VALUES, description="P-Asserted-Identity values, RFC 3325 §9.1")
    callee: Text
    action: Text = Field(description="forward, tag, reject, …")


class Request(_Said):
    """kind `request`: who brought this call to you?"""

    kind: Literal["request"] = "request"
    asked: Asked


class Accepted(_Said):
    """kind `accepted`: it is being looked into."""

    kind: Literal["accepted"] = "accepted"
    received_at: Moment
    due_at: Moment = Field(description="until when it will be answered")


class Answer(_Said):
    """kind `answer`: the hop of who answers, and behind it, further up, what its own requests found."""

    kind: Literal["answer"] = "answer"
    part: int = Field(1, ge=1, le=1000, description="a later answer has a higher number and takes the earlier's place")
    hops: tuple[Hop, ...] = Field(min_length=1, max_length=MOST_HOPS)
    signed: Signed = Field(
        "",
        description="the answer that the hops behind the first come from, as its carrier signed it; empty: none came "
        "from further up, or there was no room for it",
    )


class Refusal(_Said):
    """kind `refusal`: it will not be answered."""

    kind: Literal["refusal"] = "refusal"
    why: Annotated[Text, Field(min_length=1)]


Kind = Literal["request", "accepted", "answer", "refusal"]
Body = Annotated[Request | Accepted | Answer | Refusal, Field(discriminator="kind")]


class Envelope(_Said):
    """A message. Two of one `jti` say the same."""

    ver: Literal[1] = 1
    iss: Name = Field(description="carrier that signed it")
    aud: Name = Field(description="carrier that it is for: nobody can hand it on to another")
    iat: int = Field(ge=0, le=2**40, description="when it was signed, seconds since 1970")
    jti: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,96}$")] = Field(description="names the message, not its copy")
    request: Annotated[str, Field(pattern=r"^[a-z0-9]{16,64}$")] = Field(description="names the trace request")
    body: Body

    @property
    def digest(self) -> bytes:
        """SHA-256 of what it says; a copy that is signed again later says the same."""
        said = self.model_dump(mode="json", exclude={"iat"})
        return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()


_envelope: TypeAdapter[Envelope] = TypeAdapter(Envelope)


def read(claims: bytes) -> Envelope:
    """The claims of a message. Raises BadMessage with the part that is wrong; what was sent is not repeated."""
    try:
        return _envelope.validate_json(claims)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise BadMessage(fault["msg"], ".".join(str(part) for part in fault["loc"])) from None


def schema() -> dict[str, Any]:
    """The JSON Schema of a message."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_envelope.json_schema()}
