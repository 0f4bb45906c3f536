"""Our SIPp scenarios hold against an independent proxy, so a failure with ringfence is ringfence's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.calls import Ends, Side, play
from tests.support.kamailio import start_kamailio
from tests.support.peers import require
from tests.support.sipp import SCENARIOS

pytestmark = pytest.mark.e2e

BUSY = {"STATUS": "486", "PHRASE": "Busy Here", "HEADER": "Retry-After: 5", "PATTERN": "Retry-After: 5"}


@pytest.fixture(scope="module")
def ends() -> Ends:
    return Ends()


@pytest.fixture(scope="module")
def proxy(ends: Ends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Kamailio between the two ends."""
    values = {"LISTEN": ends.proxy, "NEXT": ends.callee}
    folder = tmp_path_factory.mktemp("kamailio")
    kamailio = start_kamailio(require("kamailio"), SCENARIOS / "edge.cfg", folder, values)
    yield
    kamailio.stop()


@pytest.mark.usefixtures("proxy")
@pytest.mark.parametrize(
    ("caller", "callee"),
    [
        ("uac_basic", "uas_basic"),
        ("uac_bye_from_callee", "uas_bye"),
        ("uac_reinvite", "uas_reinvite"),
        ("uac_cancel", "uas_cancelled"),
        ("uac_cancel_race", "uas_cancel_race"),
        ("uac_refused", "uas_refuses"),
    ],
)
def test_scenario_is_clean_through_kamailio(caller: str, callee: str, ends: Ends, tmp_path: Path) -> None:
    play(require("sipp"), tmp_path, ends, Side(caller, BUSY), Side(callee, BUSY), calls=20)


@pytest.mark.usefixtures("proxy")
def test_callee_sees_a_pattern_that_is_there(ends: Ends, tmp_path: Path) -> None:
    side = Side("uas_expects", {"PATTERN": "Record-Route: [^;]*;lr"})
    play(require("sipp"), tmp_path, ends, Side("uac_basic"), side, calls=1)


@pytest.mark.usefixtures("proxy")
def test_a_call_that_goes_another_way_than_the_scenario_is_counted_as_failed(ends: Ends, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="failed=1"):
        play(require("sipp"), tmp_path, ends, Side("uac_basic"), Side("uas_refuses", BUSY), calls=1)
