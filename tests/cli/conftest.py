"""The command line, and a store of the test's own behind the sample configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.command import Ringfence

from ringfence.lookups.embedded import EmbeddedStore


@pytest.fixture
def ringfence(capsys: pytest.CaptureFixture[str]) -> Ringfence:
    return Ringfence(capsys)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory that no other daemon uses."""
    folder = tmp_path / "data"
    monkeypatch.setenv("RINGFENCE_DATA_DIRECTORY", str(folder))
    return folder


@pytest.fixture
def store(data: Path) -> Iterator[EmbeddedStore]:
    """The embedded store, as `ringfence serve` starts it there."""
    embedded = EmbeddedStore(data / "store", 64)
    asyncio.run(embedded.start())
    yield embedded
    asyncio.run(embedded.stop())
