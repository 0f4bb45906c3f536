"""The whole way: a question in, the explanation out."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from ringfence.config import Bundle
from ringfence.control.question import Question
from ringfence.explaining.judging import judged
from ringfence.explaining.question import call_of, given_facts
from ringfence.screening import Call, Facts, Need, Unknown

Fill = Callable[[Call, Facts, frozenset[Need]], Awaitable[Facts]]
"""(call, facts that are given, needs) → the facts with what they lacked of the needs."""


async def explained(bundle: Bundle, question: Question, missing: Unknown, fill: Fill | None = None) -> dict[str, Any]:
    """The verdict on the call that is asked about, with everything that led to it, fit for JSON.

    missing: what stands for a fact that the question does not bring; fill: gets those from the world; without it they
    stay missing. Raises CannotExplain, and whatever fill raises.
    """
    call = call_of(question, bundle, time.time())
    given = given_facts(question, bundle, missing, call.at)

    async def ask(needs: frozenset[Need]) -> Facts:
        return given if fill is None else await fill(call, given, needs)

    return await judged(bundle, call, ask)
