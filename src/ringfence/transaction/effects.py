"""What the rooms want done: appended here, performed by the runner at the end of its turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.sip.address import Endpoint

if TYPE_CHECKING:
    from ringfence.transaction.timers import TimerQueue


class Effects:
    """One turn's wishes.

    sends: whole messages in the order they must leave, each with its far end.
    timers: the queue in which machines arm their wake-ups.
    """

    __slots__ = ("sends", "timers")

    def __init__(self, timers: TimerQueue) -> None:
        self.sends: list[tuple[Endpoint, bytes]] = []
        self.timers = timers
