"""From settings and files to a ledger, or every fault with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ringfence.ledger import Ledger, LedgerError, TrunkSettings, build_ledger
from ringfence.numbering import Numbering, NumberingSettings

NUMBERING = Numbering(NumberingSettings())
BASE = Path("/etc/ringfence")


def settings(name: str = "acme", address: str = "192.0.2.1", **more: Any) -> TrunkSettings:
    return TrunkSettings.model_validate(
        {"name": name, "holder": "Acme", "kind": "enterprise", "sources": [{"address": address}], **more}
    )


def build(*trunks: TrunkSettings, files: dict[str, bytes] | None = None) -> Ledger:
    def read(path: Path) -> bytes:
        try:
            return (files or {})[str(path)]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory") from None

    return build_ledger(trunks, NUMBERING, BASE, 3, read)


def faults(*trunks: TrunkSettings, files: dict[str, bytes] | None = None) -> list[str]:
    with pytest.raises(LedgerError) as raised:
        build(*trunks, files=files)
    assert str(raised.value) == "\n".join(str(fault) for fault in raised.value.faults)
    return [str(fault) for fault in raised.value.faults]


def test_a_whole_trunk() -> None:
    ledger = build(
        settings(
            kind="call_center",
            gateways="west",
            marketing=True,
            trust_identity=True,
            area="021",
            explain="explained",
            network_blocked=True,
            rules={"rate": {"limit": 5, "window": "60s"}},
            numbers=[
                {"number": "62345678"},
                {"prefix": "95588"},
                {"from": "+862160000000", "to": "+862160000099"},
                {"file": "acme.csv"},
            ],
        ),
        files={"/etc/ringfence/acme.csv": b"number,from,to,prefix\n13800138000,,,\n,02170000000,02170000009,\n,,,0755"},
    )
    trunk = ledger.trunks["acme"]
    assert (trunk.holder, trunk.kind, trunk.gateways, trunk.area) == ("Acme", "call_center", "west", "021")
    assert trunk.marketing and trunk.trust_identity and trunk.network_blocked and trunk.explain == "explained"
    assert trunk.rules == {"rate": {"limit": 5, "window": "60s"}}
    assert ledger.generation == 3
    for inside in (
        "+862162345678", "95588", "955881", "+862160000042", "+8613800138000", "+862170000009", "+8675512345678"
    ):  # fmt: skip
        assert trunk.standing(inside).granted, inside
    for outside in ("+862162345679", "95589", "+862160000100", "+8613800138001", "+862170000010", "+8675612345678"):
        assert not trunk.standing(outside).granted, outside
    assert ledger.by_source("udp", "192.0.2.1", 5060) is trunk


def test_a_trunk_is_in_the_province_of_its_area_unless_it_says_another() -> None:
    ledger = build(
        settings("a", area="0755"),
        settings("b", address="192.0.2.2", area="0755", province="SH"),
        settings("c", address="192.0.2.3"),
    )
    assert [trunk.province for trunk in ledger.trunks.values()] == ["GD", "SH", ""]
    assert [trunk.diversion_hops for trunk in ledger.trunks.values()] == [0, 0, 0]
    assert build(settings(diversion_hops=2)).trunks["acme"].diversion_hops == 2


def test_absolute_file_names_stay() -> None:
    files = {"/srv/numbers.csv": b"number\n95588\n"}
    ledger = build(settings(numbers=[{"file": "/srv/numbers.csv"}]), files=files)
    assert ledger.trunks["acme"].standing("95588").granted


def test_names_and_sources_are_claimed_once() -> None:
    certificate = {"certificate": "pbx.example"}
    found = faults(
        settings("a", sources=[{"address": "192.0.2.1"}, certificate]),
        settings("a", sources=[{"address": "192.0.2.2"}]),
        settings("b", sources=[{"address": "::ffff:192.0.2.1"}, {"certificate": "PBX.example"}]),
        settings("c", sources=[{"address": "192.0.2.3"}, {"address": "192.0.2.3/32"}]),
    )
    assert found == [
        "trunks[1].name: a is also trunks[0]",
        "trunks[2].sources[0]: trunk a has this source already",
        "trunks[2].sources[1]: trunk a has this source already",
        "trunks[3].sources[1]: trunk c has this source already",
    ]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([{"number": "abc"}], "numbers[0].number: not a number that the plan reads (malformed)"),
        ([{"number": "62345678"}], "numbers[0].number: not a number that the plan reads (malformed)"),
        ([{"number": "+1234567890123456"}], "numbers[0].number: not a number that the plan reads (too_long)"),
        ([{"prefix": "+x"}], "numbers[0].prefix: a prefix is digits, with a plus in front of a country code"),
        ([{"from": "95588", "to": "95580"}], "numbers[0].to: to is below from"),
        ([{"from": "x", "to": "95580"}], "numbers[0].from: not a number that the plan reads (malformed)"),
        (
            [{"from": "95588", "to": "955889"}],
            "numbers[0].to: from and to differ in length: a range has numbers of one length",
        ),
        (
            [{"from": "110", "to": "+8613800138000"}],
            "numbers[0].to: from and to differ in length: a range has numbers of one length",
        ),
        ([{"number": "95588"}, {"number": "110"}, {"number": "+8695588"}], "numbers[2]: overlaps numbers[0]"),
        ([{"prefix": "021"}, {"number": "02162345678"}], "numbers[1]: overlaps numbers[0]"),
        ([{"file": "no.csv"}], None),
    ],
)
def test_faults_in_the_settings(numbers: list[dict[str, str]], expected: str | None) -> None:
    [found] = faults(settings(numbers=numbers))
    if expected is None:
        assert found == "/etc/ringfence/no.csv: cannot be read: No such file or directory (trunks[0].numbers[0].file)"
    else:
        assert found == f"trunks[0].{expected}"


def test_all_faults_of_a_file_are_named_and_nothing_is_loaded() -> None:
    lines = [b"number,from,to,prefix,note"] + [b"+86216234%04d,,,," % each for each in range(2000)]
    lines[100] = b"oops,,,,"
    lines[700] = b",+862170000009,+862170000000,,"
    lines[1500] = b",,,,forgotten"
    found = faults(settings(numbers=[{"file": "big.csv"}]), files={"/etc/ringfence/big.csv": b"\n".join(lines)})
    where = "/etc/ringfence/big.csv"
    assert found == [
        f"{where}:101:1: not a number that the plan reads (malformed) (trunks[0].numbers[0])",
        f"{where}:701:16: to is below from (trunks[0].numbers[0])",
        f"{where}:1501:1: give exactly one of number, prefix, from with to (trunks[0].numbers[0])",
    ]


def test_overlaps_name_both_places() -> None:
    files = {"/etc/ringfence/a.csv": b"number,from,to\n,02162340000,02162349999\n02162345678,,\n"}
    found = faults(settings(numbers=[{"file": "a.csv"}, {"prefix": "021623499"}]), files=files)
    assert found == [
        "/etc/ringfence/a.csv:3: overlaps /etc/ringfence/a.csv:2 (trunks[0].numbers[0])",
        "trunks[0].numbers[1]: overlaps /etc/ringfence/a.csv:2",
    ]


def test_touching_ranges_are_fine() -> None:
    numbers = [{"from": "95500", "to": "95549"}, {"from": "95550", "to": "95599"}]
    assert len(list(build(settings(numbers=numbers)).rows())) == 1


def test_faults_of_all_trunks_come_together() -> None:
    found = faults(settings("a", numbers=[{"number": "x"}]), settings("b", numbers=[{"number": "y"}]))
    assert len(found) == 3  # one for each number, and the shared source
