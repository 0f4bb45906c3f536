"""Tracing as the HTTP process does it: searches, the book of requests, what goes out to peers and what comes in."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI

from ringfence.control.desk import Desk
from ringfence.control.errors import Refused
from ringfence.control.readers import Readers
from ringfence.control.settings import TracePlace
from ringfence.errors import RingfenceError
from ringfence.registry.actors import Actor
from ringfence.telemetry.metrics import TraceFigures
from ringfence.tracing import courier
from ringfence.tracing.book import TraceBook
from ringfence.tracing.peers import Peers, open_peers

ROUND = 5.0  # seconds between two looks into the outbox, and at the clock
SELF = Actor("ringfence", "officer", "control")
_log = structlog.get_logger(__name__)


class TraceDesk:
    """One for the whole process. Its book is opened by who first needs it."""

    def __init__(self, desk: Desk, place: TracePlace) -> None:
        self.desk = desk
        self.node = place.node
        self.settings = place.trace
        self._readers = Readers(place) if place.records.enabled else None
        self._peers: Peers | None = None
        self._wake = asyncio.Event()
        self._open: Mapping[tuple[str, str], int] = {}
        self._trouble = ""
        self.heard: Counter[str] = Counter()  # messages that came to the inbox, by what became of them
        self._sent: Counter[str] = Counter()

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Carry messages to peers for as long as the process serves."""
        rounds = asyncio.create_task(self._rounds()) if self.settings.peers else None
        async with self.desk.lifespan(app):
            try:
                yield
            finally:
                if rounds is not None:
                    rounds.cancel()
                    await asyncio.gather(rounds, return_exceptions=True)
                if self._readers is not None:
                    await self._readers.close()

    async def book(self) -> TraceBook:
        """Raises RegistryError, TraceError; the next one who asks tries again."""
        registry = await self.desk.registry()
        if self._peers is None:
            place = self.desk.place
            self._peers = open_peers(self.settings, place.settings, place.data_directory, self.node)
        return TraceBook(registry, self._peers, self.settings)

    async def look(self, question: dict[str, Any], who: Actor, full: bool) -> Any:
        """Ask the records. Raises Busy, TooSlow, Refused."""
        if self._readers is None:
            raise Refused("no records are kept: records.enabled is off")
        return await self._readers.ask({**question, "by": f"{who.name} at {who.origin}", "full": full})

    def hurry(self) -> None:
        """Something is to be sent."""
        self._wake.set()

    def figures(self) -> TraceFigures:
        """For the metrics."""
        readers = self._readers
        return TraceFigures(
            requests=dict(self._open),
            heard=dict(self.heard),
            sent=dict(self._sent),
            searches=0 if readers is None else readers.at_work,
            searches_limit=0 if readers is None else readers.limit,
            searches_ended=0 if readers is None else readers.ended,
        )

    def warnings(self) -> list[str]:
        """For /ready: what somebody has to do today."""
        told = []
        for direction, text in (("in", "of peers wait for our answer"), ("out", "of ours wait for a peer's answer")):
            late = self._open.get((direction, "overdue"), 0)
            if late:
                told.append(f"{late} trace requests {text} for longer than they may (ringfence trace list --overdue)")
        return told + ([f"trace requests cannot be looked after: {self._trouble}"] if self._trouble else [])

    async def _rounds(self) -> None:
        while True:
            try:
                book = await self.book()
                done = await courier.carry(book, SELF)
                self._sent.update(done._asdict())
                self._open = {(way, state): count for (way, state), count in (await book.counts()).items()}
                self._trouble = ""
            except RingfenceError as error:
                if self._trouble != str(error):  # told once, and in /ready for as long as it lasts
                    self._trouble = str(error)
                    _log.error("trace requests cannot be looked after", why=self._trouble)
            except Exception:
                # Our own bug must not end the rounds for good.
                _log.exception("trace requests cannot be looked after")
            self._wake.clear()
            try:
                async with asyncio.timeout(ROUND):
                    await self._wake.wait()
            except TimeoutError:
                pass
