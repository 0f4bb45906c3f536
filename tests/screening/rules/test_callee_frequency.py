"""callee_frequency: the earlier calls of a holder to a callee against every limit."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from tests.support.places import PLACES
from tests.support.trunks import ledger_of

from ringfence.screening import CalleeCalls, CalleeMemory, Facts, Need, Pipeline, Refusal, ScreeningSettings, Unknown
from ringfence.screening.rules.callee_frequency import RULE, CalleeFrequency

NOW, DAY = 1_764_000_000, 86_400


@pytest.mark.parametrize(
    ("ago", "detail"),
    [
        ((), None),
        ((DAY,), None),
        ((DAY - 1,), "1 calls in the 86400 s before"),
        ((0,), "1 calls in the 86400 s before"),
        ((-5,), "1 calls in the 86400 s before"),  # another node's clock goes before ours
        ((29 * DAY, 20 * DAY, 10 * DAY), None),
        ((30 * DAY, 29 * DAY, 20 * DAY, 10 * DAY), None),
        ((29 * DAY, 20 * DAY, 10 * DAY, 2 * DAY), "4 calls in the 2592000 s before"),
        ((29 * DAY, 20 * DAY, 10 * DAY, 2 * DAY, 60), "1 calls in the 86400 s before"),
    ],
)
def test_the_proposed_limits(make_call: Any, ago: tuple[int, ...], detail: str | None) -> None:
    facts = Facts(callee_calls=CalleeCalls(tuple(NOW - each for each in ago)))
    finding = RULE.judge(make_call(at=float(NOW)), facts, CalleeFrequency())
    assert (finding and (finding.reason, finding.detail)) == (detail and ("over_limit", detail))


@pytest.mark.parametrize("why", ["deadline", "breaker_open", "not_asked"])
def test_what_is_unknown_stops_no_call(make_call: Any, why: str) -> None:
    assert RULE.judge(make_call(at=float(NOW)), Facts(callee_calls=Unknown(why)), CalleeFrequency()) is None


@pytest.mark.parametrize("marketing", [True, False])
def test_only_marketing_trunks_are_concerned(make_trunk: Any, marketing: bool) -> None:
    assert RULE.applies is not None
    assert RULE.applies(make_trunk(marketing=marketing), CalleeFrequency()) is marketing
    assert RULE.needs == {Need.CALLEE_CALLS} and RULE.answers == {"over_limit": Refusal.LATER}


@pytest.mark.parametrize(
    "limits", [[], [{"calls": 0, "window": "1d"}], [{"calls": 101, "window": "1d"}], [{"calls": 1, "window": "367d"}],
               [{"calls": 1, "window": "500ms"}], [{"calls": 1}], [{"calls": 1, "window": "1d"}] * 9],
)  # fmt: skip
def test_limits_that_cannot_be(limits: list[Any]) -> None:
    with pytest.raises(ValidationError):
        CalleeFrequency.model_validate({"limits": limits})


def test_what_must_be_remembered_is_what_any_trunk_s_limits_reach() -> None:
    own = {"callee_frequency": {"limits": [{"calls": 9, "window": "1h"}]}}
    off = {"callee_frequency": {"mode": "off", "limits": [{"calls": 99, "window": "300d"}]}}
    ledger = ledger_of(
        {"name": "a", "marketing": True}, {"name": "b", "marketing": True, "rules": own},
        {"name": "c", "marketing": True, "rules": off},
        {"name": "d", "rules": {"callee_frequency": {"limits": [{"calls": 50, "window": "60d"}]}}},
    )  # fmt: skip
    settings = ScreeningSettings()
    assert Pipeline(settings, ledger, PLACES).callee_memory == CalleeMemory(9, 30.0 * DAY)
    assert Pipeline(settings, ledger_of({"name": "plain"}), PLACES).callee_memory == CalleeMemory(0, 0.0)
