"""What an operator does by hand: statements into the registry, from there into the index at once; scores."""

from __future__ import annotations

import asyncio
import getpass
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ringfence.config import Settings
from ringfence.config.keys import store_keys
from ringfence.index.feed import IndexRow, RegistryFeed
from ringfence.index.follow import carry_over
from ringfence.index.store import IndexStore
from ringfence.lookups import Place
from ringfence.lookups.admin import Admin
from ringfence.registry.actors import Actor
from ringfence.registry.opening import open_registry
from ringfence.registry.register import Registry
from ringfence.registry.statements import consent, refusal

EVERY_HOLDER = "*"
Result = TypeVar("Result")


class Desk(Admin):
    """Every method raises RingfenceError; what was recorded is durable, and stands in the index when it returns."""

    def __init__(self, settings: Settings, place: Place) -> None:
        keys = store_keys(settings)
        super().__init__(place, keys)
        self._settings = settings
        self._index = IndexStore(place, keys)
        self._actor = Actor(_user(), "operator", "command line")

    def __exit__(self, *_: object) -> None:
        self._index.close()
        super().__exit__()

    def consent_add(self, callee: str, holder: str, until: int | None = None) -> None:
        """Record a consent to be called by a holder, up to `until` (epoch seconds). It has no evidence, and beats no
        refusal."""
        said = consent(callee, holder, int(time.time()), until=until)
        self._written(lambda registry: registry.record(said, self._actor))

    def refuse(self, callee: str, holder: str = EVERY_HOLDER) -> None:
        """Record a refusal, of one holder or of all; it beats consents at once."""
        said = refusal(callee, scope_of(holder), int(time.time()))
        self._written(lambda registry: registry.record(said, self._actor))

    def consent_remove(self, callee: str, holder: str | None = None) -> int:
        """End what was said about a holder (`*`: about all), or everything; how many statements that were."""
        scope = None if holder is None else scope_of(holder)
        return self._written(
            lambda registry: registry.end(callee, self._actor, ("consent", "refusal", "wish"), scope, "command line")
        )

    def consent_show(self, callee: str) -> list[IndexRow]:
        """What counts now of all that a callee said."""
        return self._done(lambda registry: registry.standing(callee, self._actor))

    def _written(self, work: Callable[[Registry], Awaitable[Result]]) -> Result:
        async def and_carried(registry: Registry) -> Result:
            result = await work(registry)
            await carry_over(self._index, RegistryFeed(registry))
            return result

        return self._done(and_carried)

    def _done(self, work: Callable[[Registry], Awaitable[Result]]) -> Result:
        async def opened() -> Result:
            settings = self._settings
            async with await open_registry(settings.registry, settings.data_directory) as registry:
                return await work(registry)

        # A thread's own loop: whoever calls may run one.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(opened())).result()


def scope_of(holder: str) -> str:
    """As refusals name it."""
    return EVERY_HOLDER if holder == EVERY_HOLDER else f"holder:{holder}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
