from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.registry.conftest import server, settings
from tests.tracing.carriers import Clock, book_of

from ringfence.registry.opening import open_registry
from ringfence.registry.settings import RegistrySettings
from ringfence.tracing.book import TraceBook

__all__ = ["server", "settings"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def pair(settings: RegistrySettings, tmp_path: Path, clock: Clock) -> AsyncIterator[tuple[TraceBook, TraceBook]]:
    """(a, b): a's registry is of the kind under test, b's is SQLite."""
    a, b = tmp_path / "a", tmp_path / "b"
    async with await open_registry(settings, a) as of_a, await open_registry(RegistrySettings(), b) as of_b:
        yield book_of(of_a, a, {"b": b}, clock), book_of(of_b, b, {"a": a}, clock)
