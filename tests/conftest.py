"""What holds for every test: where RINGFENCE_REQUIRE_PEERS=1, a skipped test is a failed one.

CI sets it, so that a missing peer (SIPp, Kamailio, Valkey) can never look like success.
How one test set up the log is over when it ends: the next would write to a stream that is closed, or not see its own.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterator
from typing import Any

import pytest
import structlog

_REQUIRED = os.environ.get("RINGFENCE_REQUIRE_PEERS") == "1"


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if _REQUIRED and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"RINGFENCE_REQUIRE_PEERS=1 allows no skipped test: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, pytest.CollectReport]:
    report: pytest.CollectReport = yield
    _refuse_skip(report)
    return report
