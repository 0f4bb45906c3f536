"""What the demo's scenes write beforehand: into the registry and the store, as the commands do."""

from __future__ import annotations

import time

from ringfence.cli.desk import actor, at_desk, tell_index
from ringfence.cli.store import store_of
from ringfence.config import Settings
from ringfence.config.keys import store_keys
from ringfence.lookups.admin import Admin
from ringfence.registry.statements import Statement, consent, refusal


class Rehearsal(Admin):
    """Every method raises RingfenceError; calls are judged by what it wrote when it returns."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(store_of(settings), store_keys(settings))
        self._settings = settings

    def consent_add(self, callee: str, holder: str) -> None:
        """Record a consent."""
        self._record(consent(callee, holder, int(time.time())))

    def refuse(self, callee: str, holder: str) -> None:
        """Record a refusal of a holder."""
        self._record(refusal(callee, f"holder:{holder}", int(time.time())))

    def _record(self, said: Statement) -> None:
        at_desk(self._settings, lambda registry: registry.record(said, actor()))
        tell_index(self._settings)
