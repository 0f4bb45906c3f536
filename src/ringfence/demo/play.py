"""One scene played: the call placed, and what the callee, the caller and the daemon's own counters say of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ringfence.config import Bundle
from ringfence.demo.caller import Caller, CallPlan, CallReport
from ringfence.demo.errors import DemoError
from ringfence.demo.scenes import Scene, Store
from ringfence.demo.scrape import Samples, moved, scrape
from ringfence.demo.softswitch import Seen, Softswitch
from ringfence.ledger import Trunk

VERDICTS = "ringfence_verdicts_total"
CROWD = 16  # calls at once while a scene is being crowded
MOST_CROWDED = 5_000  # calls that a crowded scene may take, some seconds' worth
_label = re.compile(r'([a-z_]+)="([^"]*)"').findall


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a scene's call.

    action, reason: as the daemon counted it; status: the final response that the caller got, 0 for none.
    shown: the display name that the callee saw, None where the call did not get there.
    faults: what was not as expected; seconds: from INVITE to its final response.
    """

    action: str
    reason: str
    status: int
    shown: str | None
    faults: tuple[str, ...]
    seconds: float


class Play:
    """The stage: callers bound to their trunks' sources, the softswitch, the store, the daemon's metrics."""

    def __init__(
        self,
        bundle: Bundle,
        callers: Mapping[str, Caller],
        softswitch: Softswitch,
        store: Store,
        metrics_url: str,
    ) -> None:
        self._settings = bundle.settings
        self._trunks = bundle.ledger.trunks
        self._callers = callers
        self._softswitch = softswitch
        self._store = store
        self._metrics_url = metrics_url
        self._target = next(listener.address for listener in bundle.settings.listeners if listener.transport == "udp")

    async def scene(self, scene: Scene) -> Outcome:
        """Play it. Raises DemoError when its trunk is not configured, OSError when metrics cannot be read."""
        trunk = self._trunks.get(scene.trunk)
        if trunk is None:
            raise DemoError(f"the demo needs a trunk {scene.trunk}, as config/ledger has it")
        if scene.prepare is not None:
            await asyncio.to_thread(scene.prepare, self._store, trunk.holder)
        if scene.crowded:
            await self._crowd(scene, trunk)
        before = await scrape(self._metrics_url)
        report = await self._callers[scene.trunk].place(self._plan(scene))
        grown = moved(before, await scrape(self._metrics_url))
        return self._outcome(scene, report, grown)

    async def _crowd(self, scene: Scene, trunk: Trunk) -> None:
        """The calls that are still usual; the next one goes over the limit."""
        rate = self._settings.screening.rules.rate
        limit: object = trunk.rules.get("rate", {}).get("limit", rate.limit)
        if trunk.calls_per_hour is not None:
            limit = int(trunk.calls_per_hour * rate.window / 3600)
        if not isinstance(limit, int) or limit > MOST_CROWDED:
            raise DemoError(f"trunk {trunk.name} allows more calls than the demo has time for: {limit}")
        left = iter(range(limit))

        async def worker() -> None:
            for _ in left:
                await self._callers[scene.trunk].place(self._plan(scene))

        await asyncio.gather(*(worker() for _ in range(CROWD)))

    def _plan(self, scene: Scene) -> CallPlan:
        return CallPlan(
            caller=scene.caller,
            callee=scene.callee,
            target=self._target,
            display=scene.display,
            asserted=scene.asserted,
            private=scene.private,
            cancel_after=0.0 if scene.cancelled else None,
        )

    def _outcome(self, scene: Scene, report: CallReport, grown: Samples) -> Outcome:
        action, reason = counted(grown, scene.trunk)
        seen = self._softswitch.seen.get(report.call_id)
        faults = [
            f"{name}: {got or 'none'} instead of {wanted or 'none'}"
            for name, wanted, got in (
                ("verdict", scene.action, action),
                ("reason", scene.reason, reason),
                ("response", scene.status, report.status),
                ("callee sees", self._shown(scene), seen.display if seen is not None else None),
            )
            if wanted != got and (name != "callee sees" or scene.display is not None)
        ]
        faults += _marked(scene, seen)
        answered = next((step.at for step in report.steps if step.text.startswith(str(report.status))), 0.0)
        shown = None if seen is None else seen.display
        return Outcome(action, reason, report.status, shown, tuple(faults), answered)

    def _shown(self, scene: Scene) -> str | None:
        """The display name that the callee has to see; None when the call must not get there."""
        if scene.action == "reject":
            return None
        prefix = self._settings.screening.tagging.display_prefix if scene.action == "tag" else ""
        return prefix + (scene.display or "")


def _marked(scene: Scene, seen: Seen | None) -> list[str]:
    """Whether our header fields stand on a tagged call, and on no other."""
    marked = seen is not None and any(value == scene.reason for _, value in seen.marks)
    if marked == (scene.action == "tag"):
        return []
    return ["the callee got the tag's header fields" if marked else "the callee did not get the tag's header fields"]


def counted(grown: Mapping[str, float], trunk: str) -> tuple[str, str]:
    """Action and `rule.reason` of the one verdict that was counted for a trunk; ("", "") for none, or several."""
    found: list[tuple[str, str]] = []
    for name in grown:
        labels = dict(_label(name))
        if name.startswith(VERDICTS + "{") and labels["trunk"] == trunk:
            found.append((labels["action"], ".".join(filter(None, (labels["rule"], labels["reason"])))))
    return found[0] if len(found) == 1 else ("", "")
