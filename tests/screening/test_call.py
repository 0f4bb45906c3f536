"""What a call sells: by its grant, its trunk, its trunk's holder, in this order."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import hiredis
import pytest
from tests.support.asking import SECRET
from tests.support.index import fixed_view
from tests.support.ledgers import faults, load

from ringfence.config.load import Bundle
from ringfence.lookups import Keys
from ringfence.lookups.consent import ConsentQuestion
from ringfence.screening import Call

HOLDERS = """\
    name,sector
    Bank,finance
    Shop,
"""
RESOURCES = """\
    holder,from,to
    Bank,+862160000000,+862160008999
    Shop,+862170000000,+862170008999
"""
TRUNKS = """\
    trunks:
      - {name: bank, holder: Bank, kind: enterprise, sources: [{address: 192.0.2.1}]}
      - {name: tours, holder: Bank, kind: enterprise, sector: travel, sources: [{address: 192.0.2.2}]}
      - {name: shop, holder: Shop, kind: call_center, sources: [{address: 192.0.2.3}]}
"""
GRANTS = """\
    trunk,number,valid_from,valid_until,suspended,sector,note
    bank,+862160000001,,,,,
    bank,+862160000002,,,,insurance,
    bank,+862160000003,2026-01-01,2026-03-31,,insurance,spring
    bank,+862160000003,2026-05-01,,,retail,summer
    bank,+862160000004,,,true,insurance,
    tours,+862160000005,,,,,
    shop,+862170000006,,,,other,
    shop,+862170000007,,,,,
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    files = {
        "holders.yaml": "",
        "holders.csv": HOLDERS,
        "trunks.yaml": TRUNKS,
        "grants.csv": GRANTS,
        "resources.csv": RESOURCES,
    }
    return load(tmp_path_factory.mktemp("sectors"), files)


def call(bundle: Bundle, trunk: str, number: str, day: str = "2026-04-15") -> Call:
    at = datetime.fromisoformat(f"{day} 12:00").replace(tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()
    read = bundle.numbering.read
    return Call(bundle.ledger.trunks[trunk], read(number), read("+8613900139000"), at=at)


@pytest.mark.parametrize(
    ("trunk", "number", "day", "sector"),
    [
        ("bank", "+862160000001", "2026-04-15", "finance"),  # its holder's
        ("bank", "+862160000002", "2026-04-15", "insurance"),  # the grant's
        ("bank", "+862160000003", "2026-02-01", "insurance"),  # of the grant that holds
        ("bank", "+862160000003", "2026-04-15", "finance"),  # none holds
        ("bank", "+862160000003", "2026-06-01", "retail"),
        ("bank", "+862160000004", "2026-04-15", "finance"),  # a suspended grant says nothing
        ("bank", "+862160009999", "2026-04-15", "finance"),  # nobody's
        ("tours", "+862160000005", "2026-04-15", "travel"),  # the trunk's before its holder's
        ("shop", "+862170000006", "2026-04-15", "other"),
        ("shop", "+862170000007", "2026-04-15", None),
    ],
)
def test_sector(bundle: Bundle, trunk: str, number: str, day: str, sector: str | None) -> None:
    assert call(bundle, trunk, number, day).sector() == sector


def test_refusals_and_wishes_are_asked_for_the_call_s_sector(bundle: Bundle) -> None:
    view = fixed_view(Keys("", SECRET))
    assert view.generation is not None
    for number, sector in (("+862160000001", "finance"), ("+862160000002", "insurance")):
        commands = ConsentQuestion(view).commands(call(bundle, "bank", number))
        assert isinstance(commands, bytes)
        reader = hiredis.Reader()
        reader.feed(commands)
        assert view.generation.place("+8613900139000", f"sector:{sector}")[1] in reader.gets()


def test_a_sector_that_nobody_refuses_calls_of_is_a_fault(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        {
            "holders.yaml": "", "holders.csv": "name,sector\nBank,Finance\n", "trunks.yaml": "",
            "grants.csv": "trunk,number,sector\n",
        },
    )  # fmt: skip
    assert found == ["holders.csv:2:6: sector: must be 'finance', 'insurance', 'real_estate', 'healthcare', "
                     "'recruitment', 'travel', 'education', 'retail', 'telecom' or 'other'"]  # fmt: skip
