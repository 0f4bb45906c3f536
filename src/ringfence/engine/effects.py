"""What a turn of the engine wants from the world."""

from __future__ import annotations

from ringfence.engine.trail import Trail
from ringfence.forwarding.gateways import Named
from ringfence.screening import Call, Need
from ringfence.sip.address import Endpoint
from ringfence.transaction.effects import Effects
from ringfence.transaction.timers import TimerQueue
from ringfence.voice.lines import Refusal

Gather = tuple[int, Call, frozenset[Need]]
"""A ticket, and the questions about a call that are to be answered under it."""

Resolve = tuple[int, Named]
"""A ticket, and the name to look up (RFC 3263)."""


Alias = tuple[Endpoint, int]
"""A connection whose far end also answers at this port of its address (RFC 5923)."""


Note = tuple[int, Trail]
"""What is to be written down of an INVITE: DECISION, OUTCOME or END, and its trail."""


Dialled = tuple[int, Refusal]
"""A ticket, and the refusal that is to be recorded before its caller is answered."""


class EngineEffects(Effects):
    """Sends and timers of the rooms, and the engine's own questions.

    forwarded: calls to be counted for their callees. marketed: marketing calls that go on to their callees, where
    somebody may ask for the last one.
    The runner performs all lists in this order and empties them: aliases, records, sends, forwarded, gathers, dialled,
    marketed, resolves.
    """

    __slots__ = ("aliases", "dialled", "forwarded", "gathers", "marketed", "records", "resolves")

    def __init__(self, timers: TimerQueue) -> None:
        super().__init__(timers)
        self.aliases: list[Alias] = []
        self.records: list[Note] = []
        self.forwarded: list[Call] = []
        self.gathers: list[Gather] = []
        self.dialled: list[Dialled] = []
        self.marketed: list[Call] = []
        self.resolves: list[Resolve] = []
