"""Where the registry is, by which keys, and how long it keeps what."""

from __future__ import annotations

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from ringfence.settings_types import Duration, Frozen

DAY = 86_400.0


class EvidenceSettings(Frozen):
    """The folder of evidence files, each named by its SHA-256."""

    folder: Path | None = Field(None, description="where the files are; none: data_directory/evidence")
    max_bytes: int = Field(10 * 1024 * 1024, ge=1, le=1024**3, description="largest file that is taken")
    media_types: tuple[str, ...] = Field(
        ("application/pdf", "image/png", "image/jpeg", "audio/wav", "audio/mpeg", "audio/ogg", "text/plain"),
        min_length=1,
        description="kinds that are taken, told by the files' own first bytes",
    )
    retention: Duration = Field(
        180 * DAY,
        ge=150 * DAY,
        description="how long a consent and its files are kept after its end; five months at least",
    )


class UploadSettings(Frozen):
    """Lists that holders and operators send over HTTP; they stand encrypted on the disk until they are imported."""

    folder: Path | None = Field(None, description="where they wait; none: data_directory/uploads")
    max_bytes: int = Field(256 * 1024 * 1024, ge=1, le=16 * 1024**3, description="largest list that is taken")
    max_waiting: int = Field(
        8, ge=1, le=1000, description="lists that are received, wait or are imported at once; the next gets 429"
    )
    kept: Duration = Field(
        7 * DAY, ge=3600.0, description="how long after its import a list's state and report can be asked for"
    )


class RateSettings(Frozen):
    """How often the registry's HTTP interface may be used."""

    per_second: float = Field(20.0, gt=0, description="requests of one token that are served on average")
    burst: int = Field(40, ge=1, description="requests of one token that may come at once")
    failures_per_minute: float = Field(
        10.0, gt=0, description="wrong tokens from one address before its requests are not looked at"
    )


class RegistrySettings(Frozen):
    """Consents, refusals and standing wishes with their evidence: the truth behind the store's index."""

    url: str | None = Field(
        None,
        description="`postgresql://user@host:5432/name` or `sqlite:////absolute/path`; "
        "none: SQLite in data_directory/registry/registry.db",
    )
    password_file: Path | None = Field(None, description="file with the database's password")
    password_env: str | None = Field(None, description="environment variable with the password")
    ca: Path | None = Field(
        None, description="PEM file of the CA that signed PostgreSQL's certificate; none: no TLS is asked for"
    )
    number_key_file: Path | None = Field(
        None,
        description="file with the keys that numbers are encrypted and found by, 64 hexadecimal digits a line, the "
        "present one first; none: made at the first start in data_directory/keys/numbers.key",
    )
    signing_key_file: Path | None = Field(
        None,
        description="PEM file with the P-256 key that signs proofs; none: made at the first start in "
        "data_directory/keys/signing.pem",
    )
    zone: str = Field("Asia/Shanghai", description="time zone of dates and times that name none")
    evidence: EvidenceSettings = Field(default_factory=EvidenceSettings, description="files that prove consents")
    uploads: UploadSettings = Field(default_factory=UploadSettings, description="lists sent over HTTP")
    changes_kept: Duration = Field(
        7 * DAY,
        ge=3600.0,
        description="how long changes are kept for an index that follows; one that was away longer is built anew",
    )
    rate: RateSettings = Field(default_factory=RateSettings, description="limits of the HTTP interface")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        try:
            ZoneInfo(self.zone)
        except (OSError, ValueError):
            raise ValueError(f"zone: there is no time zone {self.zone!r}") from None
        if self.password_file is not None and self.password_env is not None:
            raise ValueError("password_file and password_env exclude each other")
        if self.url is not None:
            parts = urlsplit(self.url)
            if parts.scheme not in ("postgresql", "sqlite"):
                raise ValueError("url begins with postgresql:// or sqlite:///")
            if parts.password:
                raise ValueError("no password in url: use password_file or password_env")
        return self
