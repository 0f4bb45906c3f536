"""With whom calls are traced beyond our own hop, by which keys, and how fast."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from ringfence.settings_types import Duration, Frozen, read_bind

HOUR, DAY = 3600.0, 86_400.0

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]


class PeerSettings(Frozen):
    """Another carrier that we ask, and that may ask us."""

    name: Name = Field(description="what it calls itself in its messages: its own trace.name")
    key_file: Path = Field(description="PEM file with its public P-256 key (`ringfence trace key` prints ours)")
    url: str | None = Field(
        None,
        description="where its messages are taken, `https://…/trace/inbox`; none: they go by file",
    )
    ca: Path | None = Field(None, description="PEM file of who signed its certificate; none: the system's authorities")
    holder: str | None = Field(
        None,
        min_length=1,
        max_length=256,
        description="the ledger's holder whose trunks come from it: it is then asked about their calls unless told "
        "otherwise",
    )
    contact: str = Field("", max_length=256, description="whom to call when a request is overdue")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.url is None:
            return self
        parts = urlsplit(self.url)
        if parts.username or parts.password or parts.fragment or not parts.hostname:
            raise ValueError("url: https://HOST[:PORT]/PATH, with nothing secret in it")
        if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(parts.hostname)):
            raise ValueError("url begins with https://, since numbers travel by it; http:// to this machine alone")
        return self


class InboxSettings(Frozen):
    """The listener that takes peers' messages, and nothing else; apart from the operators' HTTP."""

    bind: str = Field(description="numeric address and port, `0.0.0.0:9461` or `[::]:9461`")
    certificate: Path | None = Field(
        None, description="PEM chain of its certificate; none: no TLS, for a proxy in front that has it"
    )
    key: Path | None = Field(None, description="PEM file with the certificate's key")
    per_minute: float = Field(60.0, gt=0, description="messages of one peer that are taken")
    failures_per_minute: float = Field(
        10.0, gt=0, description="messages that no peer signed from one address before the next are not looked at"
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        read_bind(self.bind)
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        return self


class LookSettings(Frozen):
    """Searches of the records for the HTTP interface, in processes of their own."""

    processes: int = Field(2, ge=1, le=16, description="searches at once")
    waiting: int = Field(16, ge=0, le=1000, description="searches that may wait for their turn; more get 503")
    deadline: Duration = Field(
        10.0, gt=0, description="longest wait for an answer; a search that takes longer is ended"
    )


class TraceSettings(Frozen):
    """Tracing calls back, over HTTP and across carriers."""

    name: Name | None = Field(None, description="what peers call this carrier; none: the node's name")
    signing_key_file: Path | None = Field(
        None, description="PEM file with the P-256 key that signs our messages; none: the registry's signing key"
    )
    answer_within: Duration = Field(
        DAY, ge=HOUR, le=30 * DAY, description="time from receipt until a request is overdue, ours and theirs"
    )
    freshness: Duration = Field(
        DAY,
        ge=60.0,
        le=7 * DAY,
        description="age of a signature up to which a message is taken, by HTTPS or from a file",
    )
    most_open: int = Field(1000, ge=1, le=100_000, description="open requests of one peer; more are turned away")
    kept: Duration = Field(180 * DAY, ge=DAY, description="how long a request is kept after it was refused or closed")
    peers: tuple[PeerSettings, ...] = Field((), max_length=100, description="the carriers that we trace with")
    inbox: InboxSettings | None = Field(None, description="where peers' messages are taken; none: by file alone")
    look: LookSettings = Field(default_factory=LookSettings, description="searches for the HTTP interface")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        names = [peer.name for peer in self.peers]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise ValueError(f"peers[{place}]: {name} stands among the peers already")
            if name == self.name:
                raise ValueError(f"peers[{place}]: {name} is our own name")
        return self


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
