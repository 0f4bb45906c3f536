"""The database: opened, brought to the newest schema, and its two kinds of transactions."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ringfence.registry.errors import RegistryError

NEWEST = "0002"
"""The schema that this code works on; a test compares it with the migrations."""

BUSY_TIMEOUT = 30_000  # ms that a writer waits for another one to end
_CONNECT_TIMEOUT = 10  # seconds
_MIGRATION_LOCK = 0x72696E67  # any fixed number: an advisory lock's name in PostgreSQL


class Database:
    """SQLite or PostgreSQL behind SQLAlchemy."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.sqlite = engine.dialect.name == "sqlite"

    @classmethod
    async def open(cls, url: str, password: str | None = None, ca: str | None = None) -> Database:
        """Open `sqlite:///PATH` or `postgresql://USER@HOST/NAME` and migrate it. Raises RegistryError."""
        database = cls(_engine(url, password, ca))
        try:
            await database._migrate()
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One consistent look. Raises RegistryError."""
        async with _told(), self._engine.connect() as connection:
            options: dict[str, Any] = {"reading": True}
            if not self.sqlite:
                options["isolation_level"] = "REPEATABLE READ"
            await connection.execution_options(**options)
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that is durable when this returns, or has not happened. Raises RegistryError.

        SQLite: the write lock is taken at once, and a commit waits for the disk (synchronous=FULL). PostgreSQL: a
        commit waits for the disk unless its server was told otherwise; we tell it so for this session.
        """
        async with _told(), self._engine.begin() as connection:
            yield connection

    async def _migrate(self) -> None:
        # Two processes may start at once on an empty database: the second one finds the work done. SQLite's switch to
        # its write-ahead log, at the very first connection, waits for no busy timeout: the lock is taken before that.
        path = self._engine.url.database if self.sqlite else None
        lock = await asyncio.to_thread(_locked, Path(f"{path}.lock")) if path else -1
        try:
            async with self.reading() as connection:
                version = await connection.run_sync(_version)
            if version == NEWEST:
                return
            async with self.writing() as connection:
                if not self.sqlite:
                    await connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
                await connection.run_sync(_upgrade)
        finally:
            if lock >= 0:
                os.close(lock)


def _engine(text: str, password: str | None, ca: str | None) -> AsyncEngine:
    try:
        url = make_url(text)
    except ArgumentError:
        raise RegistryError("registry.url is no URL of a database") from None
    name = url.get_backend_name()
    # hide_parameters: an error's text must not carry what was to be written.
    common: dict[str, Any] = {"hide_parameters": True}
    if name == "sqlite":
        if url.database:
            Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        engine = create_async_engine(url.set(drivername="sqlite+aiosqlite"), **common)
        _set_up_sqlite(engine)
        return engine
    if name != "postgresql":
        raise RegistryError("registry.url begins with postgresql:// or sqlite:///")
    arguments: dict[str, Any] = {
        "timeout": _CONNECT_TIMEOUT,
        "server_settings": {"synchronous_commit": "on", "application_name": "ringfence"},
    }
    if ca is not None:
        arguments["ssl"] = ssl.create_default_context(cafile=ca)
    target: URL = url.set(drivername="postgresql+asyncpg", password=password)
    return create_async_engine(target, connect_args=arguments, pool_pre_ping=True, **common)


def _set_up_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself: we do, below
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT}",
            "journal_mode=WAL",
            "synchronous=FULL",  # the default of a WAL would be told durable before it is on the disk
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: sa.Connection) -> None:
        reading = connection.get_execution_options().get("reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    logging.getLogger("alembic").setLevel(logging.WARNING)  # its steps are no news to an operator
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, NEWEST)
    except CommandError as error:
        raise RegistryError(f"the registry's schema is of another version of ringfence: {error}") from None


def _locked(file: Path) -> int:
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RegistryError(f"{file} cannot be written: {error.strerror}") from None
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


@asynccontextmanager
async def _told() -> AsyncIterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise RegistryError(f"the registry's database did not do it: {reason[:200]}") from error
    except (OSError, TimeoutError) as error:
        raise RegistryError(f"the registry's database cannot be reached: {str(error)[:200]}") from error
