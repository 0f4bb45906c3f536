"""What only shows when a ledger is looked at as a whole, before its numbers are laid side by side."""

from __future__ import annotations

from ringfence.ledger.draft import Draft, SetGrant, TrunkDraft
from ringfence.ledger.faults import Place
from ringfence.ledger.flatten import TITLE
from ringfence.ledger.sources import key_of


def check(draft: Draft, now: float) -> None:
    """Note every contradiction between entries as a fault of the draft. now: epoch seconds."""
    for name, each in draft.sets.items():
        if each.holder not in draft.holders:
            draft.fault(each.place, f"set {name}: no holder {each.holder}")
    for trunk in draft.trunks.values():
        _sources(draft, trunk)
        if not trunk.inline:
            _trunk(draft, trunk)
    _days(draft, now)


def _sources(draft: Draft, trunk: TrunkDraft) -> None:
    name = trunk.settings.name.partition("#")[0]
    for source, place in trunk.sources:
        key = key_of(source)
        if key in draft.claims:
            draft.fault(place, f"trunk {draft.claims[key]} has this source already")
        draft.claims.setdefault(key, name)
    if not trunk.sources:
        draft.fault(trunk.place, f"trunk {name} has no source: no call could come from it")


def _trunk(draft: Draft, trunk: TrunkDraft) -> None:
    settings = trunk.settings
    if settings.holder not in draft.holders:
        draft.fault(trunk.place, f"trunk {settings.name}: no holder {settings.holder}")
    granted: dict[str, Place] = {}
    for grant in trunk.sets:
        known = draft.sets.get(grant.name)
        if known is None:
            draft.fault(grant.place, f"no set {grant.name}")
            continue
        if known.holder != settings.holder and not grant.explained:
            draft.fault(
                grant.place,
                f"set {grant.name} is {known.holder}'s, trunk {settings.name} is {settings.holder}'s: "
                "a note has to say by what right",
            )
        if grant.name in granted and not grant.explained:
            where = granted[grant.name]
            draft.fault(grant.place, f"set {grant.name} is granted to {settings.name} twice, also in {where}")
        granted.setdefault(grant.name, grant.place)
        _inbound(draft, grant)


def _inbound(draft: Draft, grant: SetGrant) -> None:
    where = draft.inbound_sets.get(grant.name)
    if where is not None and grant.terms.originate:
        draft.fault(grant.place, f"set {grant.name} has numbers that are never a caller ({where}): direction receive")


def _days(draft: Draft, now: float) -> None:
    """What a day that has come makes invalid: calls are refused by it, the ledger stays usable."""
    for name, (holder, place) in draft.holders.items():
        end = draft.end(holder.contract.valid_until)
        if end <= now:
            draft.fault(place, f"the contract of {name} ended on {draft.last_day(end)}", late=True)
    over = {number: bag for bag, number in draft.bags.items() if bag.family == TITLE and bag.until <= now}
    if not over:
        return
    for row, number in enumerate(draft.rows.bags):
        bag = over.pop(number, None)
        if bag is not None:
            what = f"certificate {bag.certificate}" if bag.certificate else "title"
            draft.fault(
                draft.rows.place(row), f"{what} of {bag.holder} expired on {draft.last_day(bag.until)}", late=True
            )
