"""Rules and settings compiled into one plan for all trunks that are alike, before any call comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import JsonValue, ValidationError

from ringfence.calendars import Places
from ringfence.errors import RingfenceError
from ringfence.ledger import Ledger, Trunk, TrunkSettings
from ringfence.screening.answer import answers_for
from ringfence.screening.call import Call
from ringfence.screening.discovery import RULES
from ringfence.screening.facts import CalleeMemory, Facts, Need
from ringfence.screening.rule import Finding, Mode, Rule, RuleSettings, Unfit
from ringfence.screening.rules.callee_frequency import CalleeFrequency
from ringfence.screening.settings import ScreeningSettings
from ringfence.screening.verdict import Answer, Pending
from ringfence.settings_types import Frozen

Location = tuple[str | int, ...]
Origin = tuple[str, str, int, str]
EXPLAIN: tuple[Literal["opaque", "explained"], ...] = ("opaque", "explained")
_NO_CONTACT = "needs screening.contact: whom to ask"


class PolicyFault:
    """One setting that cannot be.

    location: from the settings' root, `("trunks", 2, "rules", "rate", "limit")`, or from the trunk where that stands in
    the ledger's files. origin: there the trunk's name, the file, line and path.
    """

    __slots__ = ("location", "message", "origin")

    def __init__(self, location: Location, message: str, origin: Origin | None = None) -> None:
        self.location = location
        self.message = message
        self.origin = origin

    def __str__(self) -> str:
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.location)
        return f"{path.lstrip('.')}: {self.message}"


class PolicyError(RingfenceError):
    """Screening and ledger do not fit together; `faults` holds every reason found."""

    def __init__(self, faults: Sequence[PolicyFault]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class Step:
    """One rule on one trunk. mode: observe or enforce. points: of a finding of full strength.

    settings: what it judges by.
    """

    __slots__ = ("judge", "mode", "name", "points", "reasons", "settings")

    def __init__(self, name: str, rule: Rule[Any], settings: Frozen, prepared: object, early: bool = False) -> None:
        """prepared: what is judged by. early: the rule's look before anything is asked, instead of its judgement."""
        self.name = name
        self.judge: Callable[[Call, Facts, Any], Finding | None] = rule.judge if not early else _looking(rule)
        self.settings = prepared
        self.mode: Mode = "enforce"  # a rule that settles has no choice
        self.points = 0.0
        if isinstance(settings, RuleSettings):
            self.mode = settings.mode
            self.points = settings.points
        self.reasons = {reason: f"{name}.{reason}" for reason in rule.answers}


def _looking(rule: Rule[Any]) -> Callable[[Call, Facts, Any], Finding | None]:
    look = rule.look
    assert look is not None
    return lambda call, _, settings: look(call, settings)


class Plan:
    """What is asked about every call of one kind of trunk.

    settling: steps that forward a call at once. first: the others without needs, and the looks of those with needs.
    then: those with needs; each in the order of rank. needs: of all steps in `then`; asked: their places in Facts,
    sorted.
    answers: the response to each `rule.reason`.
    waiting: the Pending that calls without findings share, None when nothing has to be looked up.
    """

    __slots__ = ("answers", "asked", "first", "needs", "reject_at", "settling", "tag_at", "then", "waiting")

    def __init__(
        self,
        applying: frozenset[str],
        chosen: Mapping[str, Frozen],
        prepared: Mapping[str, object],
        settings: ScreeningSettings,
        answers: Mapping[str, Answer],
    ) -> None:
        self.tag_at = settings.tag_at
        self.reject_at = settings.reject_at
        self.answers = answers
        settling: list[Step] = []
        first: list[Step] = []
        then: list[Step] = []
        needs: set[Need] = set()
        for name, rule in RULES.items():
            step = Step(name, rule, chosen[name], prepared[name])
            if name not in applying or step.mode == "off":
                continue
            (settling if rule.settles else then if rule.needs else first).append(step)
            if rule.look is not None:
                first.append(Step(name, rule, chosen[name], prepared[name], early=True))
            needs |= rule.needs
        self.settling = tuple(settling)
        self.first = tuple(first)
        self.then = tuple(then)
        self.needs = frozenset(needs)
        self.asked = tuple(sorted(need.value for need in needs))
        self.waiting = Pending(self, self.needs, (), 0.0) if needs else None


def compile_plans(settings: ScreeningSettings, ledger: Ledger, places: Places) -> list[Plan]:
    """A plan for each profile of the ledger's trunks; profiles that are judged alike share one.

    What a rule prepares depends on its settings and the places alone, as a plan does on what its key names.
    Raises PolicyError with everything that cannot be.
    """
    common: dict[str, Frozen] = {name: getattr(settings.rules, name) for name in RULES}
    faults: list[PolicyFault] = []
    plans: list[Plan] = []
    made: dict[tuple[object, ...], Plan] = {}
    overridden: dict[str, tuple[Mapping[str, Frozen], Mapping[str, object]]]
    overridden = {"{}": (common, _prepared(("screening", "rules"), common, {}, {}, places, faults))}
    usual = overridden["{}"][1]
    answers = {
        (explain, blocked): answers_for(explain, blocked, settings) for explain in EXPLAIN for blocked in (False, True)
    }
    for trunk, (name, place, *origin) in zip(ledger.profiles, ledger.facts["origins"], strict=True):
        location, where = tuple(place), (name, *origin) if origin[0] else None
        if trunk.network_blocked and settings.contact is None:
            faults.append(PolicyFault((*location, "network_blocked"), _NO_CONTACT, where))
        rules = str(trunk.rules)
        if rules not in overridden:
            own = _chosen(trunk, common, (*location, "rules"), where, faults)
            ready = _prepared((*location, "rules"), own, common, usual, places, faults, where)
            overridden[rules] = (own, ready)
        chosen, prepared = overridden[rules]
        applying = frozenset(
            name for name, rule in RULES.items() if rule.applies is None or rule.applies(trunk, chosen[name])
        )
        key = (rules, applying, trunk.explain, trunk.network_blocked)
        if key not in made:
            made[key] = Plan(applying, chosen, prepared, settings, answers[trunk.explain, trunk.network_blocked])
        plans.append(made[key])
    if faults:
        raise PolicyError(faults)
    return plans


def memory_of(plans: Iterable[Plan]) -> CalleeMemory:
    """How much must be remembered of calls to a callee so that every limit of these plans can be judged."""
    found = [step.settings for plan in plans for step in plan.then]
    limits = [limit for settings in found if isinstance(settings, CalleeFrequency) for limit in settings.limits]
    most = max((each.calls for each in limits), default=0)
    return CalleeMemory(most, max((each.window for each in limits), default=0.0))


def _chosen(
    trunk: Trunk, common: Mapping[str, Frozen], location: Location, origin: Origin | None, faults: list[PolicyFault]
) -> Mapping[str, Frozen]:
    """The settings of every rule on trunks that override some."""
    chosen = dict(common)
    found: list[PolicyFault] = []
    for name, override in trunk.rules.items():
        made = _overridden((*location, name), name, common, override, found)
        if made is not None:
            chosen[name] = made
    for fault in found:
        fault.origin = origin
    faults += found
    return chosen


def _prepared(
    location: Location,
    chosen: Mapping[str, Frozen],
    common: Mapping[str, Frozen],
    usual: Mapping[str, object],
    places: Places,
    faults: list[PolicyFault],
    origin: Origin | None = None,
) -> Mapping[str, object]:
    """What each rule judges by: `usual` where its settings are the common ones."""
    prepared: dict[str, object] = {}
    for name, settings in chosen.items():
        prepare = RULES[name].prepare
        if settings is common.get(name):
            prepared[name] = usual[name]
        elif prepare is None:
            prepared[name] = settings
        else:
            try:
                prepared[name] = prepare(settings, places)
            except Unfit as error:
                faults.append(PolicyFault((*location, name, *error.location), error.message, origin))
                prepared[name] = None  # never judged by: the fault stops the plans
    return prepared


def policy_faults(settings: ScreeningSettings, trunks: Sequence[TrunkSettings]) -> list[PolicyFault]:
    """What `compile_plans` would refuse of trunks written in the settings, where no ledger could be made of them."""
    common: dict[str, Frozen] = {name: getattr(settings.rules, name) for name in RULES}
    faults: list[PolicyFault] = []
    for position, trunk in enumerate(trunks):
        location = ("trunks", position)
        if trunk.network_blocked and settings.contact is None:
            faults.append(PolicyFault((*location, "network_blocked"), _NO_CONTACT))
        for name, override in trunk.rules.items():
            _overridden((*location, "rules", name), name, common, override, faults)
    return faults


def _overridden(
    location: Location,
    name: str,
    common: Mapping[str, Frozen],
    override: Mapping[str, JsonValue],
    faults: list[PolicyFault],
) -> Frozen | None:
    """A rule's settings with what one trunk has differently; None after a fault."""
    rule = RULES.get(name)
    if rule is None:
        faults.append(PolicyFault(location, f"no such rule; there are {', '.join(sorted(RULES))}"))
        return None
    fixed = sorted(rule.fixed.intersection(override))
    if fixed:
        faults += [
            PolicyFault((*location, key), "one for the whole node: set it under screening.rules") for key in fixed
        ]
        return None
    try:
        made: Frozen = rule.settings.model_validate(common[name].model_dump() | dict(override))
    except ValidationError as error:
        faults += [PolicyFault((*location, *fault["loc"]), fault["msg"]) for fault in error.errors()]
        return None
    return made
