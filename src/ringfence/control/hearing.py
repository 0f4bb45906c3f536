"""The process that records what subscribers refuse by dialling: the registry behind a Unix socket of the daemon's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ringfence.control.limits import Limiter
from ringfence.errors import RingfenceError
from ringfence.registry.actors import Actor
from ringfence.registry.register import Registry
from ringfence.registry.statements import refusal
from ringfence.voice.lines import LIMITED, NOBODY, RECORDED, STANDING
from ringfence.voice.settings import LAST_CALLER, VoiceSettings

LastCaller = Callable[[str], str | None]
"""A callee's number → the holder whose marketing call reached it last. Blocking; raises StoreError."""


class Heard(BaseModel):
    """What the SIP process hands over: see `voice.lines.Refusal`."""

    model_config = ConfigDict(extra="forbid")

    caller: str = Field(min_length=1, max_length=32)
    number: str = Field(max_length=64)
    scope: str = Field(max_length=300)
    trunk: str = Field(max_length=128)
    at: float


class Ear:
    """Records refusals, each once. node: the daemon's name, for the audit trail."""

    def __init__(self, registry: Registry, settings: VoiceSettings, last_caller: LastCaller, node: str) -> None:
        self._registry = registry
        self._last_caller = last_caller
        self._node = node
        per_hour = settings.per_caller_per_hour
        self._callers = Limiter(per_hour / 3600, max(1.0, per_hour / 2))
        self._trunks = Limiter(settings.per_trunk_per_second, max(1.0, settings.per_trunk_per_second))

    async def refuse(self, asked: dict[str, Any]) -> dict[str, str]:
        """Durable when this answers `recorded`; `standing`: it was on record before. Raises RingfenceError.

        Dialling again writes nothing while the refusal stands, and a caller is served a few times an hour: whoever
        dials cannot make the registry grow.
        """
        try:
            heard = Heard.model_validate(asked)
        except ValueError:
            raise RingfenceError("no refusal") from None
        if self._callers.take(heard.caller) > 0 or self._trunks.take(heard.trunk) > 0:
            return {"outcome": LIMITED}
        scope = heard.scope
        if scope == LAST_CALLER:
            holder = await asyncio.to_thread(self._last_caller, heard.caller)
            if holder is None:
                return {"outcome": NOBODY}
            scope = f"holder:{holder}"
        actor = Actor(f"voice:{heard.trunk}"[:128], "operator", f"{self._node}, dialled {heard.number}"[:128])
        standing = await self._registry.standing(heard.caller, actor)
        if any(row.kind == "refusal" and row.scope == scope for row in standing):
            return {"outcome": STANDING}
        said = refusal(
            heard.caller,
            scope,
            int(heard.at),
            channel="voice",
            reference=f"dialled {heard.number} on trunk {heard.trunk}, node {self._node}",
        )
        await self._registry.record(said, actor)
        return {"outcome": RECORDED}
