"""The compiled twins against the pure ones: a minute where CI runs, a moment elsewhere."""

from __future__ import annotations

import os

import pytest
from tests.fuzz.differential import PLAIN, PURE, Mutator, outcome, run
from tests.support.peers import REQUIRED

from ringfence.sip.errors import SipError
from ringfence.sip.message import Request, Response

SECONDS = 60 if os.environ.get(REQUIRED) == "1" else 3


def test_the_twins_never_differ() -> None:
    pytest.importorskip("ringfence._native", reason="ringfence._native is not built: no C compiler")
    tried, read = run(10_000_000, SECONDS, seed=SECONDS)
    assert tried > 1_000  # far more, but for sanitizers on a busy machine
    assert read > tried // 10


def test_the_plain_messages_are_messages() -> None:
    assert all(outcome(PURE, data)[0] in (Request, Response) for data in PLAIN)


def test_the_mutator_makes_messages_and_refusals_and_the_same_ones_again() -> None:
    made = [mutate() for mutate in [Mutator(1)] for _ in range(2_000)]
    read = [not issubclass(outcome(PURE, data)[0], SipError) for data in made]
    assert 400 < sum(read) < 1_600
    assert made == [mutate() for mutate in [Mutator(1)] for _ in range(2_000)]
