"""Calls whose questions went out together, and what came back."""

from __future__ import annotations

from collections.abc import Callable

from ringfence.lookups.questions import Question
from ringfence.screening import Call, Facts

Deliver = Callable[[int, Facts], None]
Ask = tuple[int, Call, Facts, tuple[Question, ...]]
"""A ticket, its call, the facts to fill and deliver, and the questions whose commands went out, in that order."""


class Batch:
    """What one `submit` asked.

    asks: () once delivered. calls: how many they were. expected: replies that the commands bring.
    since, due: loop time of asking and of the deadline.
    """

    __slots__ = ("asks", "calls", "deliver", "due", "expected", "replies", "since")

    def __init__(self, asks: list[Ask], deliver: Deliver, expected: int, since: float, due: float) -> None:
        self.asks: list[Ask] | tuple[()] = asks
        self.calls = len(asks)
        self.deliver = deliver
        self.expected = expected
        self.since = since
        self.due = due
        self.replies: list[object] = []
