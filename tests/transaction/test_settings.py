from __future__ import annotations

import pytest
from pydantic import ValidationError

from ringfence.transaction.settings import TimerSettings
from ringfence.transaction.timers import Timers


def test_defaults_are_the_rfcs_and_the_machines() -> None:
    settings, timers = TimerSettings(), Timers()
    assert (settings.t1, settings.t2, settings.t4) == (0.5, 4.0, 5.0)
    assert settings.c > 180  # §16.6 item 11
    assert (settings.t1, settings.t2, settings.t4, settings.c) == (timers.t1, timers.t2, timers.t4, timers.c)


def test_they_take_units() -> None:
    settings = TimerSettings.model_validate({"t1": "250ms", "t2": "2s", "c": "4m"})
    assert (settings.t1, settings.t2, settings.t4, settings.c) == (0.25, 2.0, 5.0, 240.0)


@pytest.mark.parametrize("fault", [{"t1": "0s"}, {"t2": "0ms"}, {"t4": "0s"}, {"c": "3m"}, {"t1": 1}, {"t3": "1s"}])
def test_what_breaks_the_machines_is_refused(fault: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TimerSettings.model_validate(fault)
