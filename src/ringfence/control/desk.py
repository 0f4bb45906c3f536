"""The registry as the HTTP process holds it: opened when first needed, tokens told apart, requests counted."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

from fastapi import FastAPI, HTTPException

from ringfence.control.limits import MOST_BUCKETS, Limiter
from ringfence.control.settings import RegistryPlace
from ringfence.numbering import Kind, Numbering
from ringfence.registry import tokens
from ringfence.registry.actors import Actor
from ringfence.registry.columns import Reader
from ringfence.registry.errors import BadStatement
from ringfence.registry.opening import open_evidence, open_registry, open_ring, open_signer
from ringfence.registry.register import Registry
from ringfence.registry.signing import Signer
from ringfence.registry.uploads import Uploads
from ringfence.telemetry.metrics import Limits


class Desk:
    """One registry for the whole process."""

    def __init__(self, place: RegistryPlace) -> None:
        self.place = place
        self._registry: Registry | None = None
        self._opening = asyncio.Lock()
        self._numbering = Numbering(place.numbering)
        self.evidence = open_evidence(place.settings, place.data_directory)
        self.longest_evidence = self.evidence.max_bytes
        uploads = place.settings.uploads
        self.longest_list = uploads.max_bytes
        self.uploads = Uploads(
            uploads.folder or place.data_directory / "uploads",
            uploads,
            open_ring(place.settings, place.data_directory),
            lambda: open_registry(place.settings, place.data_directory),
            Reader(self.number, _as_written, ZoneInfo(place.settings.zone)),
        )
        rate = place.settings.rate
        self._requests = Limiter(rate.per_second, rate.burst)
        self._failures = Limiter(rate.failures_per_minute / 60, rate.failures_per_minute)
        self._refused = 0
        self._good: OrderedDict[bytes, None] = OrderedDict()

    def limits(self) -> Limits:
        """For the metrics."""
        limiters = (self._requests, self._failures)
        clients = sum(len(one) for one in limiters)
        return Limits(clients, len(limiters) * MOST_BUCKETS, self._refused, len(self.uploads), self.uploads.limit)

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        """Go on with lists that an earlier process left; end with the process what it works on."""
        self.uploads.resume()
        yield
        await asyncio.to_thread(self.uploads.close)
        if self._registry is not None:
            await self._registry.close()

    async def registry(self) -> Registry:
        """The registry, opened by the first who asks. Raises RegistryError, and the next one tries again."""
        async with self._opening:
            if self._registry is None:
                self._registry = await open_registry(self.place.settings, self.place.data_directory)
            return self._registry

    def signer(self) -> Signer:
        """The key of proofs. Raises RegistryError."""
        return open_signer(self.place.settings, self.place.data_directory)

    def number(self, text: str, field: str = "callee") -> str:
        """A number in its comparable form. Raises BadStatement, naming the field."""
        read = self._numbering.read(text)
        if read.kind not in (Kind.E164, Kind.SHORT):
            raise BadStatement(field, f"is no number that the plan reads ({read.kind})")
        return read.value

    async def actor(self, token: str, origin: str) -> Actor:
        """Whose token it is. Raises HTTPException: 401, or 429 with the seconds to wait.

        Wrong tokens are counted by address; one that was right before is looked at all the same, so that a stranger
        behind the same address cannot lock its owner out.
        """
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        if digest not in self._good:
            self._allow(self._failures.wait(origin))
        actor = await tokens.owner_of(await self.registry(), token, origin)
        if actor is None:
            self._good.pop(digest, None)
            self._failures.take(origin)
            raise HTTPException(401, "a valid bearer token is needed", {"WWW-Authenticate": "Bearer"})
        self._good[digest] = None
        if len(self._good) > MOST_BUCKETS:
            self._good.popitem(last=False)
        self._allow(self._requests.take(actor.name))
        return actor

    def _allow(self, wait: float) -> None:
        if wait > 0:
            self._refused += 1
            raise HTTPException(429, "too many requests", {"Retry-After": str(math.ceil(wait))})


async def _as_written(sha256: str) -> str:
    """A list names evidence by its SHA-256: the files were sent before."""
    return sha256
