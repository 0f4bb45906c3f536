"""Consents and refusals put into the index by hand, where no registry feeds it: for trying things out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from ringfence.index.build import build
from ringfence.index.feed import IndexRow
from ringfence.index.store import IndexStore
from ringfence.lookups.admin import Admin
from ringfence.lookups.errors import StoreError
from ringfence.lookups.keys import Keys
from ringfence.lookups.layout import EVERYBODY, Generation, Kind, unpack
from ringfence.lookups.resp import Place


class Entry(NamedTuple):
    """One consent, refusal or wish. at: end of the consent or beginning of the refusal, epoch seconds, None for a
    consent without an end."""

    scope: str
    kind: Kind
    at: int | None


class Nothing:
    """A feed of a registry that is empty."""

    async def count(self) -> int:
        """0"""
        return 0

    async def head(self) -> int:
        """0"""
        return 0

    async def rows(self) -> AsyncIterator[list[IndexRow]]:
        """None."""
        for _ in ():
            yield []

    async def changes(self, after: int) -> list[IndexRow]:
        """None."""
        return []


class Hand(Admin):
    """Scores, and the index by hand. Every method raises StoreError."""

    def __init__(self, place: Place, keys: Keys) -> None:
        super().__init__(place, keys)
        self._index = IndexStore(place, keys)

    def __exit__(self, *_: object) -> None:
        self._index.close()
        super().__exit__()

    def consent_add(self, callee: str, holder: str, until: int | None = None) -> None:
        """Record a consent to be called by a holder, up to `until` (epoch seconds). It takes the place of this
        holder's refusal; a refusal of all holders stands and beats it. Nobody consents to all holders at once."""
        if holder == EVERYBODY or (until is not None and until <= 0):
            raise StoreError("a consent names one holder, and its end is a time after 1970")
        scope = f"holder:{holder}"
        # A consent without evidence beats no refusal of others: it is given "since 0".
        self._put([(callee, scope, "refusal", 0, 0), (callee, scope, "consent", 0, until)])

    def refuse(self, callee: str, holder: str = EVERYBODY, since: int | None = None) -> None:
        """Record a refusal, of one holder or of all; it beats consents at once."""
        begin = int(time.time()) if since is None else since
        scope = EVERYBODY if holder == EVERYBODY else f"holder:{holder}"
        rows: list[tuple[str, str, Kind, int, int | None]] = [(callee, scope, "refusal", begin, None)]
        if scope != EVERYBODY:
            rows.insert(0, (callee, scope, "consent", 0, 0))
        self._put(rows)

    def consent_remove(self, callee: str, scopes: Iterable[str]) -> int:
        """Forget what was recorded for scopes; how many entries went."""
        found = self.consent_show(callee, scopes)
        self._put([(callee, one.scope, one.kind, 0, 0) for one in found])
        return len(found)

    def consent_show(self, callee: str, scopes: Iterable[str]) -> list[Entry]:
        """What is recorded for a callee in scopes: the index cannot say which others there are."""
        current = self._current()
        if current is None:
            return []
        entries = []
        for scope in sorted(set(scopes)):
            bucket, field = current.place(callee, scope)
            ((_, value),) = self._index.read(current, [(current.bucket_key(bucket), field)])
            for one in unpack(value or b"") or ():
                if not one.removed:
                    entries.append(Entry(scope, one.kind, one.until if one.kind == "consent" else one.since))
        return entries

    def _put(self, rows: list[tuple[str, str, Kind, int, int | None]]) -> None:
        current = self._current()
        if current is None:
            # A thread's own loop: whoever calls may run one.
            with ThreadPoolExecutor(1) as thread:
                thread.submit(lambda: asyncio.run(build(self._index, Nothing(), followed=False))).result()
            current = self._current()
            assert current is not None
        sequence = self._index.by_hand()
        self._index.write(current, [IndexRow(*row, sequence) for row in rows])

    def _current(self) -> Generation | None:
        if self._index.details().get("followed"):
            raise StoreError("this index follows a registry: record it there")
        return self._index.keys.generation(self._index.pointer().current)
