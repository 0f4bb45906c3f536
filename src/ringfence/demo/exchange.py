"""One request and its answers, seen from the client: RFC 3261 §17.1, as a coroutine."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from ringfence.demo.wire import Peer
from ringfence.sip.message import Response

T2_FACTOR = 8  # RFC 3261 §17.1.2.2: T2 is 4 s where T1 is 0.5 s
GIVE_UP_FACTOR = 64  # timers B and F, §17.1.1.2 and §17.1.2.2
PATIENCE = 200.0  # seconds a ringing INVITE is waited for: a proxy's timer C (over 3 minutes, §16.6 item 11) ends first


class Exchange:
    """A client transaction.

    send: puts the request on the wire, each time it is called.
    """

    def __init__(self, peer: Peer, invite: bool, t1: float, send: Callable[[], None]) -> None:
        self._reliable = peer.reliable
        self._invite = invite
        self._t1 = t1
        self._send = send
        self._answers: asyncio.Queue[Response] = asyncio.Queue()

    def received(self, response: Response) -> None:
        """An answer that belongs here."""
        self._answers.put_nowait(response)

    async def final(self, provisional: Callable[[Response], None] | None = None) -> Response | None:
        """The final response; None when nobody answered in time (timers B, F, or our patience).

        The request is repeated until something comes: timer A for an INVITE, timer E for the others.
        """
        clock = asyncio.get_running_loop().time
        end = clock() + GIVE_UP_FACTOR * self._t1
        gap = math.inf if self._reliable else self._t1
        again = clock() + gap
        self._send()
        while True:
            try:
                async with asyncio.timeout_at(min(again, end)):
                    response = await self._answers.get()
            except TimeoutError:
                if clock() >= end:
                    return None
                self._send()
                gap = gap * 2 if self._invite else min(gap * 2, T2_FACTOR * self._t1)
                again = clock() + gap
                continue
            if response.status >= 200:
                return response
            if self._invite:
                # §17.1.1.2: in Proceeding nothing is repeated, and timer B no longer counts.
                again, end = math.inf, clock() + PATIENCE
            elif not self._reliable:
                gap = T2_FACTOR * self._t1  # §17.1.2.2: timer E goes to T2 in Proceeding
            if provisional is not None:
                provisional(response)
