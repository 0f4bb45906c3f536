"""A registry on each database that it is meant for."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from tests.registry import postgresql

from ringfence.registry.actors import Actor
from ringfence.registry.evidence import EvidenceFolder
from ringfence.registry.opening import open_evidence, open_registry
from ringfence.registry.register import Registry
from ringfence.registry.settings import RegistrySettings

_names = (f"test_{number}" for number in itertools.count())


@pytest.fixture(scope="session")
def server() -> Iterator[Path]:
    with postgresql.cluster() as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
async def settings(request: pytest.FixtureRequest) -> RegistrySettings:
    """An empty database of its own."""
    if request.param == "sqlite":
        return RegistrySettings()
    folder = request.getfixturevalue("server")
    name = next(_names)
    connection = await asyncpg.connect(host=str(folder), user=postgresql.USER, database="postgres")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return RegistrySettings(url=f"postgresql://{postgresql.USER}@/{name}?host={folder}")


@pytest.fixture
async def registry(settings: RegistrySettings, tmp_path: Path) -> AsyncIterator[Registry]:
    async with await open_registry(settings, tmp_path) as opened:
        yield opened


@pytest.fixture
def evidence(settings: RegistrySettings, tmp_path: Path) -> EvidenceFolder:
    return open_evidence(settings, tmp_path)


@pytest.fixture
def operator() -> Actor:
    return Actor("operator:lin", "operator", "10.0.0.1")


@pytest.fixture
def auditor() -> Actor:
    return Actor("auditor:wu", "auditor", "10.0.0.2")


@pytest.fixture
def bank() -> Actor:
    return Actor("holder:bank", "holder", "10.0.0.3", "Bank")
