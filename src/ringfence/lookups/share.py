"""Calls whose questions went out together, and what came back."""

from __future__ import annotations

from collections.abc import Callable

from ringfence.lookups.questions import Question
from ringfence.screening import Call, Facts

Deliver = Callable[[int, Facts], None]

REPORT = -1  # ticket of what tells the store something: nobody waits for facts


class Ask:
    """One call that was asked about.

    left: servers that still owe something of it; at none its facts are delivered. whole: no fact was missing so far.
    """

    __slots__ = ("call", "deliver", "facts", "left", "overdue", "ticket", "whole")

    def __init__(self, ticket: int, call: Call, deliver: Deliver) -> None:
        self.ticket = ticket
        self.call = call
        self.deliver = deliver
        self.facts = Facts()
        self.left = 0
        self.whole = True
        self.overdue = False


Item = tuple[Ask, tuple[Question, ...]]
"""A call, and the questions whose commands went out for it, in that order."""


class Share:
    """What one submit asked one server.

    items: () once answered. calls: how many they were. expected: replies that the commands bring.
    since, due: loop time of asking and of the deadline.
    """

    __slots__ = ("calls", "due", "expected", "items", "replies", "since")

    def __init__(self, items: list[Item], expected: int, since: float, due: float) -> None:
        self.items: list[Item] | tuple[()] = items
        self.calls = len(items)
        self.expected = expected
        self.since = since
        self.due = due
        self.replies: list[object] = []
