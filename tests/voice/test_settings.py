from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ringfence.voice.settings import LineSettings


def line(**given: Any) -> LineSettings:
    return LineSettings.model_validate({"number": "12321", **given})


@pytest.mark.parametrize(
    ("given", "dialled"),
    [
        ({"refuses": "everybody"}, {"12321": "*"}),
        ({"refuses": "sector", "sector": "finance"}, {"12321": "sector:finance"}),
        ({"refuses": "holder", "holder": "A: B"}, {"12321": "holder:A: B"}),
        ({"refuses": "last_caller"}, {"12321": "last_caller"}),
        ({"refuses": "holder", "holders": {"01": "A", "2": "B"}}, {"1232101": "holder:A", "123212": "holder:B"}),
    ],
)
def test_what_is_dialled_for_what(given: dict[str, Any], dialled: dict[str, str]) -> None:
    assert line(**given).dialled() == dialled


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"refuses": "sector"}, "sector belongs"),
        ({"refuses": "everybody", "sector": "finance"}, "sector belongs"),
        ({"refuses": "holder"}, "either holder or holders"),
        ({"refuses": "holder", "holder": "A", "holders": {"1": "B"}}, "either holder or holders"),
        ({"refuses": "everybody", "holder": "A"}, "either holder or holders"),
        ({"refuses": "everybody", "announcement_uri": "sip:a@b"}, "needs an announcement"),
        ({"refuses": "everybody", "announcement": "a", "announcement_uri": "sip:a@b>\r\nX: y"}, "pattern"),
        ({"refuses": "everybody", "number": "1x"}, "pattern"),
        ({"refuses": "holder", "holders": {"x": "B"}}, "pattern"),
    ],
)
def test_what_contradicts_itself(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        line(**given)
