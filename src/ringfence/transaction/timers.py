"""Timers without a clock: which machine wants to be woken when.

Every duration in use has a queue of its own. Within one duration deadlines only grow, so arming is an append
and looking for what is due is a look at a few heads: no heap, no cancelling. A machine that no longer needs a
wake-up ignores it. What stands in a queue for 32 s is read from cold memory, so an entry is no object of its own.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

from ringfence.transaction.effects import Effects

# The letters of RFC 3261 §17 table 4 and RFC 6026 §7.1; C counts for a forwarded INVITE (§16.6 item 11).
A: Final = 0
B: Final = 1
D: Final = 2
E: Final = 3
F: Final = 4
G: Final = 5
H: Final = 6
I: Final = 7  # noqa: E741 - the RFC's own letter
J: Final = 8
K: Final = 9
L: Final = 10
M: Final = 11
OWNER: Final = 12  # a wake-up that the owner of the queue asked for itself

TIMED_OUT: Final = 1  # nobody answered, the transport has nothing more to offer
TERMINATED: Final = 2  # the machine is done and can be forgotten
UNANSWERED: Final = 3  # a request other than INVITE has had no final answer for T1

TOGETHER: Final = 0.01  # seconds


class Machine(Protocol):
    """What can be woken."""

    def fire(self, timer: int, now: float, out: Effects) -> int:
        """The timer's time has come. Returns 0, TIMED_OUT, TERMINATED, UNANSWERED, or what its owner knows it by."""
        ...


class Timers:
    """Durations in seconds for one generation of settings."""

    __slots__ = ("c", "completed", "d", "t1", "t2", "t4", "trying")

    def __init__(self, t1: float = 0.5, t2: float = 4.0, t4: float = 5.0, c: float = 190.0) -> None:
        self.t1 = t1
        self.t2 = t2
        self.t4 = t4
        self.c = c
        self.completed = 64 * t1  # B, F, H, J, L and M
        # §17.1.1.2: "a value of at least 32 seconds for unreliable transports": the far end's T1 may be longer.
        self.d = max(32.0, self.completed)
        # RFC 4320 §4.1: how long a request other than INVITE may stay without even a 100: until timer E reaches T2.
        self.trying = interval = t1
        while 2 * interval < t2:
            interval *= 2
            self.trying += interval


class Batch:
    """Wake-ups of one duration that were armed within TOGETHER seconds and are due as one.

    deadline: of the last of them. machines, timers: as many of each, in the order in which they were armed.
    """

    __slots__ = ("closes", "deadline", "machines", "timers")

    def __init__(self, closes: float, deadline: float) -> None:
        self.closes = closes
        self.deadline = deadline
        self.machines: list[Machine] = []
        self.timers: list[int] = []


class TimerQueue:
    """Armed timers, in order of their deadlines within each duration."""

    __slots__ = ("_queues",)

    def __init__(self) -> None:
        self._queues: dict[float, deque[Batch]] = {}

    def arm(self, now: float, duration: float, machine: Machine, timer: int) -> None:
        """Wake `machine` with `timer` at now + duration (seconds), or up to TOGETHER later.

        `now` must not run backwards.
        """
        queue = self._queues.get(duration)
        if queue is None:
            queue = self._queues[duration] = deque()
        batch = queue[-1] if queue else None
        if batch is None or now >= batch.closes:
            batch = Batch(now + TOGETHER, now + duration)
            queue.append(batch)
        else:
            batch.deadline = now + duration
        batch.machines.append(machine)
        batch.timers.append(timer)

    def due(self, now: float) -> list[Batch]:
        """All that is due by now, each handed out once; in order within a duration."""
        found: list[Batch] = []
        for queue in self._queues.values():
            while queue and queue[0].deadline <= now:
                found.append(queue.popleft())
        return found

    def next_deadline(self) -> float | None:
        """When somebody next wants to be woken, None if nobody."""
        heads = [queue[0].deadline for queue in self._queues.values() if queue]
        return min(heads) if heads else None

    def pending(self) -> dict[float, list[int]]:
        """Armed timers that are not due yet, by duration, in the order in which they were armed."""
        return {
            duration: [timer for batch in queue for timer in batch.timers] for duration, queue in self._queues.items()
        }

    def __len__(self) -> int:
        return sum(len(batch.timers) for queue in self._queues.values() for batch in queue)
