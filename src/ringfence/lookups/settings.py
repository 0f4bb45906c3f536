"""How the store of consent, scores and counters is reached, and how long it may keep a call waiting."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from ringfence.settings_types import Duration, Frozen


class BreakerSettings(Frozen):
    """When a store that does not answer is left alone."""

    failures: int = Field(5, ge=1, description="failed batches within `window` that open the breaker")
    window: Duration = Field(10.0, gt=0, description="time within which failures are counted together")
    open: Duration = Field(15.0, gt=0, description="how long the store is then not asked at all")
    probe_every: int = Field(
        6, ge=1, description="after that, one batch of this many asks the store until one is answered"
    )


class RoamingSettings(Frozen):
    """Who says whether a home mobile number that comes in from abroad belongs to a subscriber who roams there."""

    source: Literal["redis", "http", "none"] = Field(
        "redis",
        description="redis: the set that `ringfence roaming add` fills; http: a service of yours at url; none: nobody, "
        "so that such calls are as screening.rules.domestic_from_abroad.when_unknown says",
    )
    url: str | None = Field(
        None,
        pattern=r"^https?://[!-~]+$",
        max_length=500,
        description='http: is sent `{"number": "+86…"}` by POST and answers 200 with `{"roaming": true}` or false',
    )
    ca: Path | None = Field(
        None, description="http: PEM file of the CA that signed the service's certificate; none: the system's"
    )
    token_file: Path | None = Field(None, description="http: file with the token sent as `Authorization: Bearer`")
    token_env: str | None = Field(None, description="http: environment variable with that token")
    deadline: Duration = Field(0.05, gt=0, le=5, description="http: longest wait for an answer, connecting included")
    connections: int = Field(16, ge=1, le=1000, description="http: connections at once")
    max_pending: int = Field(
        1000, ge=1, description="http: unanswered questions at once; whom they do not reach is unknown"
    )
    breaker: BreakerSettings = Field(
        default_factory=BreakerSettings, description="http: when a silent service is left alone"
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.source == "http" and self.url is None:
            raise ValueError("source http needs a url")
        if self.token_file is not None and self.token_env is not None:
            raise ValueError("token_file and token_env exclude each other")
        return self


class EmbeddedSettings(Frozen):
    """The Valkey that is started when no url is set."""

    max_memory_mb: int = Field(
        512, ge=16, description="its memory limit in MiB; beyond it writes fail, nothing is evicted"
    )


class RedisSettings(Frozen):
    """The store of consent, scores and counters: Redis 7 or Valkey."""

    url: str | None = Field(
        None,
        description="one server: `redis://host:6379/0`, `rediss://…` (TLS) or `unix:///path?db=0`; a Cluster, some of "
        "its servers: `redis+cluster://host:6379,host:6379`; a master that Sentinels watch: "
        "`redis+sentinel://host:26379,host:26379/NAME/0`; both also with `rediss+`; none: an embedded Valkey in "
        "data_directory",
    )
    username: str | None = Field(None, description="ACL user")
    password_file: Path | None = Field(None, description="file with the password")
    password_env: str | None = Field(None, description="environment variable with the password")
    sentinel_username: str | None = Field(None, description="ACL user at the Sentinels")
    sentinel_password_file: Path | None = Field(
        None, description="file with the password at the Sentinels; none: they ask for none"
    )
    ca: Path | None = Field(
        None, description="PEM file of the CA that signed the store's certificate; none: the system's"
    )
    deadline: Duration = Field(0.05, gt=0, le=1, description="longest wait for the answers to a batch of questions")
    connect_timeout: Duration = Field(2.0, gt=0, description="longest wait for a connection and its greeting")
    reconnect_max: Duration = Field(
        5.0, gt=0, description="longest pause between two attempts to connect; the first is 100ms"
    )
    max_pending: int = Field(
        50_000,
        ge=100,
        description="unanswered commands at once, of each server of a cluster; calls beyond them are judged without "
        "facts",
    )
    key_prefix: str = Field("rf:", pattern=r"^[!-z|~]{0,32}$", description="what every key of ours begins with")
    digest_key_file: Path | None = Field(
        None,
        description="file with the keys of the digests that stand for numbers in the store, 64 hexadecimal digits a "
        "line, the present one first; all nodes of one store share it; read again when it changes; none: made at the "
        "first start in data_directory/keys/digest.key",
    )
    other_digest_key_files: tuple[Path, ...] = Field(
        (),
        description="files with further digest keys that a consent index may be made with; they may as well stand "
        "behind the present one in digest_key_file",
    )
    breaker: BreakerSettings = Field(default_factory=BreakerSettings, description="when a silent store is left alone")
    embedded: EmbeddedSettings = Field(
        default_factory=EmbeddedSettings, description="the store started when no url is set"
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.password_file is not None and self.password_env is not None:
            raise ValueError("password_file and password_env exclude each other")
        if self.url is not None:
            _sound_url(self.url)
        return self


def _sound_url(url: str) -> None:
    """Raises ValueError."""
    parts = urlsplit(url)
    base, _, kind = parts.scheme.partition("+")
    known = ("", "cluster", "sentinel") if base in ("redis", "rediss") else ("",) if base == "unix" else ()
    if kind not in known or parts.scheme.endswith("+"):
        raise ValueError(
            "url must begin with redis://, rediss://, unix://, redis+cluster:// or redis+sentinel:// (or rediss+…)"
        )
    if "@" in parts.netloc:
        raise ValueError("no user or password in url: use username and password_file or password_env")
    if not (parts.path if parts.scheme == "unix" else parts.netloc.strip(",:")):
        raise ValueError("url names no host or socket")
    if kind == "cluster" and parts.path not in ("", "/", "/0"):
        raise ValueError("a cluster has one database only: nothing stands behind its servers")
    if kind == "sentinel" and not parts.path.strip("/"):
        raise ValueError("behind the Sentinels stands the master's name: redis+sentinel://host:26379/NAME/0")
