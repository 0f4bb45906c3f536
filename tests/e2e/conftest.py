"""Peers and daemons of the end-to-end tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.calls import Ends
from tests.support.daemon import ringfence_daemon
from tests.support.peers import require

__all__ = ["ringfence_daemon"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("workers_too") is not None:
        metafunc.parametrize("serving", [1, 2], indirect=True, ids=["alone", "workers"])


@pytest.fixture(autouse=True)
def serving(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """By so many processes a test's daemons serve calls, where their settings say nothing of it."""
    wanted = getattr(request, "param", 1)
    if wanted > 1:
        monkeypatch.setenv("RINGFENCE_WORKERS", str(wanted))


@pytest.fixture
def ends() -> Ends:
    return Ends()


@pytest.fixture(scope="session")
def sipp() -> Path:
    return require("sipp")


@pytest.fixture(scope="session")
def kamailio() -> Path:
    return require("kamailio")
