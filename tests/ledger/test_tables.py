"""The CSV tables: every line that cannot be is named with its place, and nothing is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.ledgers import faults, load

from ringfence.ledger.tables import table_of

RESOURCES = "holder,number,prefix,from,to,certificate,valid_from,valid_until,note\n"
GRANTS = "trunk,set,number,prefix,from,to,holder,purpose,direction,valid_from,valid_until,suspended,note\n"
SETS = "sets:\n  - {name: lines, holder: Bank}\n"


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("grants.csv", "grants"),
        ("grants-2026.csv", "grants"),
        ("grants.acme-1.csv", "grants"),
        ("holders.csv", "holders"),
        ("numbers.csv", "numbers"),
        ("grant.csv", None),
        ("grants2.csv", None),
        ("grants.CSV", None),
        ("grants.yaml", None),
    ],
)
def test_tables_by_file_name(name: str, table: str | None) -> None:
    assert table_of(name) == table


def test_everything_by_tables(tmp_path: Path) -> None:
    (tmp_path / "c.pem").write_text("")
    ledger = load(
        tmp_path,
        {
            "holders.yaml": "",
            "trunks.yaml": "sets: [{name: lines, holder: Bank}]\n",
            "holders.csv": "name,legal_name,licence,sector,contact,contract,contract_from,contract_until,"
            "calls_per_hour,sanctions\n"
            'Bank,"Bank, Ltd.",B2-1,finance,desk,C-1,2026-01-01,2099-12-31,600,warning; suspension\n',
            "trunks.csv": "name,holder,kind,gateways,marketing,purpose,connected_by,place,trust_identity,area,explain,"
            "network_blocked\none,Bank,call_center,default,true,marketing,us,rack 1,yes,021,explained,false\n"
            "two,Bank,enterprise,,,,,,,,,\nthree,Bank,enterprise,,,,,,,,,\n",
            "sources.csv": "trunk,address,port,transport,certificate\none,192.0.2.1,5060,udp,\none,,,,pbx.example\n"
            "two,2001:db8::/32,,,\nthree,192.0.2.3,,,\n",
            "resources.csv": RESOURCES + "Bank,,,+862160000000,+862160009999,N-1,2026-01-01,2099-12-31,\n"
            "Bank,95588,,,,N-2,,,\n",
            "numbers.csv": "set,number,from,to\nlines,,+862160001000,+862160001999\nlines,95588,,\n",
            "grants.csv": GRANTS + "one,,60000010,,,,,,,,,,\none,,,,02160000100,02160000199,,,,,,,\n"
            "one,lines,,,,,,marketing;service,originate,2026-01-01,2099-12-31,false,\ntwo,lines,,,,,,,,,,true,\n",
        },
        "listeners:\n  - {name: four, transport: udp, bind: '127.0.0.1:5060'}\n"
        "  - {name: six, transport: udp, bind: '[::1]:5060'}\n"
        "  - name: tls\n    transport: tls\n    bind: '127.0.0.1:5061'\n    tls: {certificate: c.pem, key: c.pem, "
        "client_ca: c.pem}\n"
        "gateways:\n  default:\n    targets:\n      - uri: sip:127.0.0.1:5080\nledger: {folder: ledger}\n",
    ).ledger
    one, two, three = (ledger.trunks[name] for name in ("one", "two", "three"))
    assert (one.holder, one.kind, one.gateways, one.marketing, one.purpose) == (
        "Bank", "call_center", "default", True, "marketing",
    )  # fmt: skip
    assert (one.connected_by, one.place, one.trust_identity, one.area, one.explain) == (
        "us", "rack 1", True, "021", "explained",
    )  # fmt: skip
    assert one.calls_per_hour == two.calls_per_hour == 600
    assert ledger.by_source("udp", "192.0.2.1", 5060) is one
    assert ledger.by_source("tls", "203.0.113.1", 1, frozenset({"pbx.example"})) is one
    assert ledger.by_source("udp", "2001:db8::7", 5060) is two
    for number in ("+862160000010", "+862160000150", "+862160001500", "95588"):
        assert one.standing(number).granted, number
    (terms,) = one.standing("95588").terms
    assert (terms.purposes, terms.originate, terms.receive, terms.suspended) == (
        ("marketing", "service"), True, False, False,
    )  # fmt: skip
    assert terms.until - terms.since == 27028 * 86400.0
    assert two.standing("95588").terms[0].suspended and not three.standing("95588").granted
    assert [title.certificate for title in two.standing("95588").titles] == ["N-2"]
    assert [holder["contract"]["sanctions"] for holder in ledger.holders()] == [["warning", "suspension"]]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"holders.csv": "name,calls_per_hour\nX,0\n"}, ["holders.csv:2:3: calls_per_hour: must be greater than 0"]),
        ({"holders.csv": "name,legal_name\n,L\n"}, ["holders.csv:2:1: name: missing"]),
        ({"holders.csv": "name,contract_from\nX,soon\n"}, ["holders.csv:2:3: contract_from: must be a valid date"]),
        ({"holders.csv": "name\nBank\n"}, ["holders.csv:2: holder Bank is also in DIR/holders.yaml:2"]),
        ({"holders.csv": "name,colour\n"}, ["holders.csv:1:6: unknown column"]),
        ({"trunks.csv": "name,holder,kind\nbank,Bank,enterprise\n"},
         ["trunks.csv:2: trunk bank is also in DIR/trunks.yaml:2"]),
        ({"trunks.csv": "name,holder,kind\nx,Bank,pbx\n"}, ["trunks.csv:2:8: kind: must be 'enterprise'"]),
        ({"trunks.csv": "name,holder,kind\nx,Bank,enterprise\nNo,Bank,enterprise\n",
          "sources.csv": "trunk,address\nx,192.0.2.9\n"},
         ["trunks.csv:3:1: name: String should match"]),
        ({"trunks.csv": "name,holder,kind\nx,Bank,\n"}, ["trunks.csv:2:8: kind: missing"]),
        ({"trunks.csv": "name,holder\nx,Bank\n"}, ["trunks.csv:1:1: no column kind"]),
        ({"trunks.csv": "name,holder,kind\nx,Nobody,enterprise\n", "sources.csv": "trunk,address\nx,192.0.2.9\n"},
         ["trunks.csv:2: trunk x: no holder Nobody"]),
        ({"trunks.csv": "name,holder,kind\nx,Bank,enterprise\n"},
         ["trunks.csv:2: trunk x has no source: no call could come from it"]),
        ({"sources.csv": "trunk,address\nnobody,192.0.2.9\n"}, ["sources.csv:2:1: no trunk nobody in the ledger"]),
        ({"sources.csv": "trunk,address\nbank,192.0.2.300\n"}, ["sources.csv:2: '192.0.2.300' does not appear"]),
        ({"sources.csv": "trunk,address,port\nbank,192.0.2.9,70000\n"}, ["sources.csv:2:16: port: must be less than"]),
        ({"sources.csv": "trunk,address\nbank,192.0.2.2\n"}, ["trunks.yaml:3: trunks[1].sources[0]: trunk bank has this source already"]),
        ({"resources.csv": RESOURCES + "Nobody,110,,,,,,,\n"}, ["resources.csv:2:1: no holder Nobody"]),
        ({"resources.csv": RESOURCES + ",110,,,,,,,\n"}, ["resources.csv:2:1: holder: missing"]),
        ({"resources.csv": RESOURCES + "Bank,95599,,,,,2026-02-30,,\n"},
         ["resources.csv:2:16: valid_from: must be a valid date"]),
        ({"resources.csv": RESOURCES + "Bank,95599,,,,,2026-02-02,2026-02-01,\n"},
         ["resources.csv:2: valid_until is before valid_from"]),
        ({"resources.csv": RESOURCES + "Bank,9559x,,,,,,,\n"}, ["resources.csv:2:6: not a number that the plan reads"]),
        ({"resources.csv": RESOURCES + "Bank,,95,,,,,,\n"},
         ["resources.csv:2:7: 2 digits are too short a prefix for code_with_suffix numbers: 4 at least"]),
        ({"resources.csv": RESOURCES + "Bank,,+44,,,,,,\n"},
         ["resources.csv:2:7: 2 digits are too short a prefix for foreign numbers: 4 at least"]),
        ({"resources.csv": RESOURCES + "Bank,,+8613,,,,,,\n"},
         ["resources.csv:2:7: 4 digits are too short a prefix for mobile numbers: 5 at least"]),
        ({"resources.csv": RESOURCES + "Bank,,+86755,,,,,,\nBank,,+8675,,,,,,\n"},
         ["resources.csv:3:7: 4 digits are too short a prefix for fixed numbers: 5 at least"]),
        ({"grants.csv": GRANTS + "bank,,+861401234567890,,,,,,,,,,\nbank,,10690001234,,,,,,,,,,\n"},
         ["grants.csv:2: a machine number is never a caller", "grants.csv:3: a message_port number is never a caller"]),
        ({"resources.csv": RESOURCES + "Bank,,,+862180000000,,,,,\n"},
         ["resources.csv:2:22: a range needs both from and to: to is empty"]),
        ({"numbers.csv": "set,number\nnone,+862160000001\n"}, ["numbers.csv:2:1: no set none"]),
        ({"sets.yaml": SETS, "numbers.csv": "set,number\n,+862160000001\n"}, ["numbers.csv:2:1: set: missing"]),
        ({"grants.csv": GRANTS + "x,,+862160000001,,,,,,,,,,\n"}, ["grants.csv:2:1: no trunk x in the ledger"]),
        ({"grants.csv": GRANTS + ",,+862160000001,,,,,,,,,,\n"}, ["grants.csv:2:1: trunk: missing"]),
        ({"grants.csv": GRANTS + "bank,none,,,,,,,,,,,\n"}, ["grants.csv:2: no set none"]),
        ({"sets.yaml": SETS, "grants.csv": GRANTS + "bank,lines,110,,,,,,,,,,\n"},
         ["grants.csv:2:6: give exactly one of set"]),
        ({"grants.csv": GRANTS + "bank,,,,,,,,,,,,\n"}, ["grants.csv:2:1: give exactly one of number"]),
        ({"grants.csv": GRANTS + "bank,,+862160000001,,,,,sale,,,,,\n"}, ["grants.csv:2:25: purpose: must be 'service'"]),
        ({"grants.csv": GRANTS + "bank,,+862160000001,,,,,,,,,maybe,\n"},
         ["grants.csv:2:29: suspended: must be a valid boolean"]),
        ({"grants.csv": GRANTS + "bank,,+862170000001,,,,Shop,,,,,,\n"}, ["grants.csv:2: somebody else's numbers need"]),
        ({"grants.csv": GRANTS + "bank,,+862170000001,,,,Shop,,,,,, \n"}, ["grants.csv:2: somebody else's numbers"]),
        ({"grants.csv": GRANTS + "bank,,02170000001,,,,Shop,,,,,,\n"}, ["grants.csv:2: somebody else's numbers need"]),
        ({"grants.csv": GRANTS + "bank,,+864001234567,,,,,,,,,,\n"},
         ["grants.csv:2: a shared_cost number is never a caller: grant it with direction receive"]),
        ({"grants.csv": GRANTS + "bank,,4001234567,,,,,,,,,,\n"}, ["grants.csv:2: a shared_cost number is never"]),
        ({"sets.yaml": SETS, "numbers.csv": "set,number\nlines,+864001234567\n",
          "grants.csv": GRANTS + "bank,lines,,,,,,,,,,,\n"},
         ["grants.csv:2: set lines has numbers that are never a caller (DIR/numbers.csv:2): direction receive"]),
        ({"grants.csv": GRANTS + "bank,,+862190000001,,,,,,,,,,\n"},
         ["grants.csv:2: outside the numbers that Bank was assigned"]),
        ({"grants.csv": GRANTS + "bank,,,,+862160009990,+862160010000,,,,,,,\n"},
         ["grants.csv:2: outside the numbers that Bank was assigned"]),
        ({"grants.csv": GRANTS + "shop,,+862160000001,,,,,,,,,,\n"},
         ["grants.csv:2: outside the numbers that Shop was assigned"]),
        ({"grants.csv": GRANTS + "bank,,,,+862160000000,+862160000099,,,,,,,\nbank,,+862160000050,,,,,,,,,,\n"},
         ["grants.csv:3: granted twice without a note: overlaps DIR/grants.csv:2, trunk bank"]),
        ({"resources.csv": RESOURCES + "Shop,,,+862160000000,+862160000009,,,,\n"},
         ["resources.csv:2: assigned twice without a note: overlaps DIR/holders.yaml:4, assigned to Bank"]),
        ({"grant.csv": ""}, ["grant.csv: no table of a ledger: there are holders.csv"]),
        ({"grants.csv": ""}, ["grants.csv:1:1: no header line"]),
    ],
)  # fmt: skip
def test_every_fault_has_its_place(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    found = faults(tmp_path, files)
    wanted = [text.replace("DIR", f"{tmp_path}/ledger").replace(f"{tmp_path}/ledger/", "") for text in expected]
    assert [text[: len(start)] for text, start in zip(found, wanted, strict=True)] == wanted, found


@pytest.mark.parametrize(
    "files",
    [
        {"grants.csv": GRANTS + "bank,,+862170000001,,,,Shop,,,,,,with power of attorney\n"},
        {"grants.csv": GRANTS + "bank,,+864001234567,,,,,,receive,,,,\n"},
        {"grants.csv": GRANTS + "bank,,,,+862160000000,+862160000099,,,,,,,\nbank,,+862160000050,,,,,,,,,,renewed\n"},
        {"resources.csv": RESOURCES + "Shop,,,+862160000000,+862160000009,,,,lent\n"},
        {"sets.yaml": SETS, "numbers.csv": "set,number\nlines,+862160000001\n",
         "grants.csv": GRANTS + "shop,lines,,,,,,,,,,,by order of the bank\n"},
        {"README.md": "people's", ".hidden.csv": "x", "numbers/own.csv": "number\n+862160000001\n"},
    ],
)  # fmt: skip
def test_what_a_note_explains_is_no_fault(tmp_path: Path, files: dict[str, str]) -> None:
    assert faults(tmp_path, files) == []


def test_a_bad_context_is_told_once_for_all_its_lines(tmp_path: Path) -> None:
    lines = "".join(f"nobody,,+8621600000{each:02},,,,,,,,,,\n" for each in range(20))
    assert faults(tmp_path, {"grants.csv": GRANTS + lines}) == [
        "grants.csv:2:1: no trunk nobody in the ledger (so do 19 more lines)"
    ]


def test_three_bad_lines_in_a_million_are_named_and_nothing_is_loaded(tmp_path: Path) -> None:
    lines = [f"bank,,+86{13_000_000_000 + each},,,,,,,,,," for each in range(1_000_000)]
    lines[1_000] = "bank,,+8613x,,,,,,,,,,"
    lines[500_000] = "bank,,,,+8613000000009,+8613000000001,,,,,,,"
    lines[999_999] = "bank,,+8613900000000,,,,,,,,,"
    resources = RESOURCES + "Bank,,,+8613000000000,+8613999999999,,,,\n"
    found = faults(tmp_path, {"resources.csv": resources, "grants.csv": GRANTS + "\n".join(lines) + "\n"})
    assert found == [
        "grants.csv:1002:7: not a number that the plan reads (malformed)",
        "grants.csv:500002:24: to is below from",
        "grants.csv:1000001:30: 12 fields where the header names 13",
    ]
