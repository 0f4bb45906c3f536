"""What the workers' tests share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.bench.load import Generator, compile_generator
from tests.support.calls import Ends
from tests.support.daemon import ringfence_daemon
from tests.support.peers import require

__all__ = ["ringfence_daemon"]


@dataclass(frozen=True)
class Load:
    """Where calls come from and go to, and who makes them."""

    ends: Ends
    generator: Generator


@pytest.fixture(scope="session")
def sipload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_generator(require("cc"), tmp_path_factory.mktemp("sipload"))


@pytest.fixture
def load(sipload: Path, tmp_path: Path) -> Load:
    ends = Ends()
    return Load(ends, Generator(sipload, ends.caller, ends.proxy, ends.callee, None, tmp_path))
