"""Peers and daemons of the end-to-end tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.calls import Ends
from tests.support.daemon import ringfence_daemon
from tests.support.peers import require

__all__ = ["ringfence_daemon"]


@pytest.fixture
def ends() -> Ends:
    return Ends()


@pytest.fixture(scope="session")
def sipp() -> Path:
    return require("sipp")


@pytest.fixture(scope="session")
def kamailio() -> Path:
    return require("kamailio")
