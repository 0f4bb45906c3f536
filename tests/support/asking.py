"""Calls to ask the store about, and somebody who waits for the facts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.support.trunks import trunk_of

from ringfence.lookups import Lookups
from ringfence.numbering import Kind, Number
from ringfence.screening import Call, Facts, Need

HOLDER = "Example Call Centre"
CALLER, CALLEE = "+8613800138000", "+8613900139000"
NOON = 1_800_000_000.0  # epoch seconds; a multiple of 3600 and of 60
SECRET = bytes(range(32))
ALL = frozenset(Need)
WINDOW = 3600.0


def number(value: str) -> Number:
    """Read already."""
    return Number(value, value, Kind.E164 if value else Kind.ANONYMOUS)


def call(
    caller: str = CALLER, callee: str = CALLEE, at: float = NOON, holder: str = HOLDER, sector: str | None = None
) -> Call:
    """A call of a marketing trunk; "" for a number that is withheld."""
    trunk = trunk_of(name="t", holder=holder, kind="call_center", marketing=True, sector=sector)
    return Call(trunk, number(caller), number(callee), at=at)


class Asked:
    """Submits calls and waits for what is delivered; a second delivery to a ticket fails."""

    def __init__(self, lookups: Lookups) -> None:
        self.lookups = lookups
        self.facts: dict[int, Facts] = {}
        self._next = 0
        self._changed = asyncio.Event()

    def submit(self, *calls: Call, needs: frozenset[Need] = ALL) -> list[int]:
        tickets = list(range(self._next, self._next + len(calls)))
        self._next += len(calls)
        self.lookups.submit([(ticket, one, needs) for ticket, one in zip(tickets, calls, strict=True)], self._deliver)
        return tickets

    async def __call__(self, *calls: Call, needs: frozenset[Need] = ALL) -> list[Facts]:
        return await self.all(self.submit(*calls, needs=needs))

    async def all(self, tickets: list[int]) -> list[Facts]:
        async with asyncio.timeout(10):
            while any(ticket not in self.facts for ticket in tickets):
                self._changed.clear()
                await self._changed.wait()
        return [self.facts[ticket] for ticket in tickets]

    def _deliver(self, ticket: int, facts: Facts) -> None:
        assert ticket not in self.facts, "delivered twice"
        self.facts[ticket] = facts
        self._changed.set()


async def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that nobody announces. Fails when it has not come by then."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.005)
