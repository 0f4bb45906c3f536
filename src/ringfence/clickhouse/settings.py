"""Where ClickHouse is, and how records are kept there."""

from __future__ import annotations

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from ringfence.settings_types import Duration, Frozen

DAY = 86_400.0


class ClickHouseSettings(Frozen):
    """Records fed to ClickHouse, by its HTTP interface; `ringfence trace` asks there then."""

    url: str | None = Field(default=None, description="`http://host:8123` or `https://host:8443`; none: nothing is fed")
    database: str = Field(
        default="ringfence", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$", description="database; made if it may be"
    )
    user: str = Field(default="default", min_length=1, description="user there")
    password_file: Path | None = Field(default=None, description="file with the user's password")
    password_env: str | None = Field(default=None, description="environment variable with the password")
    ca: Path | None = Field(
        default=None, description="PEM file: who signed the server's certificate; none: the system's"
    )
    create: bool = Field(
        default=True, description="make database and tables; else somebody did by `ringfence clickhouse schema`"
    )
    key_file: Path | None = Field(
        default=None,
        description="file with the keys that numbers are found and records encrypted by there, 64 hexadecimal digits a "
        "line, the present one first; all nodes that feed one database share it; none: made at the first start in "
        "data_directory/keys/clickhouse.key",
    )
    keep: Duration = Field(
        default=180 * DAY,
        ge=DAY,
        le=3650 * DAY,
        description="how long records stay there; takes effect as tables are made",
    )
    batch: int = Field(default=20_000, ge=1, le=1_000_000, description="most records of one insertion")
    pause: Duration = Field(default=1.0, gt=0, le=60, description="time between two insertions while there is little")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.password_file is not None and self.password_env is not None:
            raise ValueError("password_file and password_env exclude each other")
        if self.url is not None:
            parts = urlsplit(self.url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
                raise ValueError("url is http://host:port or https://host:port")
            if parts.username or parts.password:
                raise ValueError("no user and no password in url: use user, and password_file or password_env")
        return self
