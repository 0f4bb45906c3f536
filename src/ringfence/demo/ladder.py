"""The message ladder of one call: what went out and came in, when, in one line each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ringfence.sip.message import Request, Response

Direction = Literal["out", "in"]


@dataclass(slots=True)
class Step:
    """One message. at: seconds since the ladder began; text: the start line in short."""

    at: float
    direction: Direction
    text: str


@dataclass(slots=True)
class Ladder:
    """Steps in the order they happened. clock: seconds, any origin."""

    clock: Callable[[], float]
    steps: list[Step] = field(default_factory=list)
    began: float = 0.0

    def note(self, direction: Direction, text: str) -> None:
        """Add a step now; the first one is time zero."""
        now = self.clock()
        if not self.steps:
            self.began = now
        self.steps.append(Step(now - self.began, direction, text))


def summary(message: Request | Response) -> str:
    """`INVITE sip:110@127.0.0.1` or `180 Ringing (INVITE)`."""
    if isinstance(message, Request):
        return f"{text(message.method)} {text(message.uri)}"
    return f"{message.status} {text(message.reason)} ({text(message.cseq_method)})"


def text(value: bytes | str) -> str:
    """Header bytes for people: UTF-8 where it is, marked where it is not."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")
