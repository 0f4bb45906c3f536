"""The written rule: what counts of all that a callee said. Pure.

1. Unknown is not consent: where nothing is said, nothing stands.
2. A refusal stands from the moment it was made, for its scope: all holders, a sector, or one holder. It ends by itself
   never.
3. A standing wish counts as a refusal of all, or of the industries that it names. The newest wish of a callee takes the
   place of all earlier ones; the level `none` is no wish any more.
4. A consent counts against nothing that forbids its holder's calls, unless it has evidence and was given, by the callee
   to that holder, later than that refusal or wish. Of two things said in the same second the refusal is believed.
   A sector's refusal concerns a consent for that sector, and one that names no sector.
5. A consent that beats a refusal beats it for its own holder only.
6. What was withdrawn (a consent) or lifted (a refusal that was recorded by mistake) does not count any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ringfence.registry.feed import RowKind
from ringfence.registry.statements import EVERYBODY, Statement


class Standing(NamedTuple):
    """What counts for one scope; its parts as in `feed.IndexRow`."""

    scope: str
    kind: RowKind
    since: int
    until: int | None


def standing(said: Iterable[Statement]) -> list[Standing]:
    """What counts of one callee's statements that were neither withdrawn nor lifted, by scope and kind."""
    refusals: dict[str, int] = {}
    newest: Statement | None = None
    consents: list[Statement] = []
    for one in said:
        if one.kind == "refusal":
            refusals[one.scope] = max(one.since, refusals.get(one.scope, 0))
        elif one.kind == "consent":
            consents.append(one)
        elif newest is None or outranks(one, newest):
            newest = one
    wishes = _wishes(newest)
    counting: dict[str, Standing] = {}
    for one in consents:
        if not _beaten(one, refusals) and not _beaten(one, wishes):
            entry = Standing(one.scope, "consent", one.since if one.proven else 0, one.until)
            counting[one.scope] = max(entry, counting.get(one.scope, entry), key=_reach)
    result = list(counting.values())
    result += [Standing(scope, "refusal", since, None) for scope, since in refusals.items() if scope not in counting]
    result += [Standing(scope, "wish", since, None) for scope, since in wishes.items()]
    return sorted(result, key=lambda entry: entry[:2])


def _wishes(newest: Statement | None) -> dict[str, int]:
    """Scope to beginning of what the newest wish refuses."""
    if newest is None or newest.level == "none":
        return {}
    scopes = [EVERYBODY] if newest.level == "all" else [f"sector:{name}" for name in newest.sectors]
    return dict.fromkeys(scopes, newest.since)


def outranks(one: Statement, other: Statement) -> bool:
    """Whether a wish takes another one's place: the newer one, and of two of one second the stricter."""
    return _rank(one) > _rank(other)


def _rank(one: Statement) -> tuple[int, int, int, tuple[str, ...]]:
    return one.since, ("none", "industries", "all").index(one.level), len(one.sectors), one.sectors


def _beaten(consent: Statement, refused: dict[str, int]) -> bool:
    for scope, since in refused.items():
        if _concerns(scope, consent) and not (consent.proven and consent.since > since):
            return True
    return False


def _concerns(scope: str, consent: Statement) -> bool:
    if scope.startswith("sector:"):
        return not consent.sectors or scope[7:] in consent.sectors
    return scope == EVERYBODY or scope == consent.scope


def _reach(entry: Standing) -> tuple[float, int]:
    """Of two consents that count, the one that lasts longer."""
    return float("inf") if entry.until is None else entry.until, entry.since
