"""The YAML files of a ledger: layers, sets, titles, files of numbers, and faults with their lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.ledgers import HOLDERS, MAIN, TRUNKS, faults, load

DEFAULTS = """\
defaults:
  all:
    explain: explained
    place: somewhere
    rules: {rate: {limit: 10, mode: observe}, consent: {points: 50}}
    numbers: [{set: hotline, note: everybody may show it}]
  call_center:
    marketing: true
    place: call hall
    rules: {rate: {limit: 20}}
sets:
  - name: hotline
    holder: Bank
    numbers: [{number: "95588"}]
"""


def test_the_global_layer_applies_to_new_trunks_at_birth(tmp_path: Path) -> None:
    files = {
        "a.yaml": DEFAULTS,
        "trunks.csv": "name,holder,kind,place\nborn,Shop,call_center,\nmoved,Shop,call_center,rack 7\n",
        "sources.csv": "trunk,address\nborn,192.0.2.8\nmoved,192.0.2.9\n",
    }
    trunks = load(tmp_path, files).ledger.trunks
    bank, shop, born, moved = (trunks[name] for name in ("bank", "shop", "born", "moved"))
    assert (bank.explain, bank.marketing, bank.place) == ("explained", False, "somewhere")
    assert bank.rules == {"rate": {"limit": 10, "mode": "observe"}, "consent": {"points": 50}}
    for trunk in (shop, born):
        assert (trunk.explain, trunk.marketing, trunk.place) == ("explained", True, "call hall")
        assert trunk.rules == {"rate": {"limit": 20, "mode": "observe"}, "consent": {"points": 50}}
        assert trunk.standing("95588").granted
    assert born.profile == shop.profile == moved.profile != bank.profile
    assert moved.place == "rack 7"


def test_what_a_trunk_says_itself_counts_more(tmp_path: Path) -> None:
    trunks = TRUNKS + "  - {name: own, holder: Shop, kind: call_center, sources: [{address: 192.0.2.3}], " \
        "explain: opaque, marketing: false, rules: {rate: {limit: 1}}}\n"  # fmt: skip
    own = load(tmp_path, {"a.yaml": DEFAULTS, "trunks.yaml": trunks}).ledger.trunks["own"]
    assert (own.explain, own.marketing) == ("opaque", False)
    assert own.rules["rate"] == {"limit": 1, "mode": "observe"}


def test_layers_of_several_files_are_put_together(tmp_path: Path) -> None:
    files = {
        "a.yaml": DEFAULTS,
        "b.yaml": "defaults: {all: {area: '021', rules: {rate: {points: 5}}}}\n",
    }
    bank = load(tmp_path, files).ledger.trunks["bank"]
    assert (bank.area, bank.explain, bank.rules["rate"]) == (
        "021", "explained", {"limit": 10, "mode": "observe", "points": 5},
    )  # fmt: skip
    files["b.yaml"] = "defaults:\n  all:\n    explain: opaque\n"
    assert faults(tmp_path, files) == ["b.yaml:3: defaults.all.explain: another file of the ledger says this as well"]


def test_seventy_numbers_on_twenty_five_trunks_are_ninety_five_entries(tmp_path: Path) -> None:
    numbers = "".join(f"lines,+8621600000{each:02}\n" for each in range(70))
    trunks = "".join(f"t{each},Bank,enterprise\n" for each in range(25))
    sources = "".join(f"t{each},10.0.0.{each}\n" for each in range(25))
    files = {
        "sets.yaml": "sets: [{name: lines, holder: Bank}]\ndefaults: {enterprise: {numbers: [{set: lines}]}}\n",
        "numbers.csv": "set,number\n" + numbers,
        "trunks.csv": "name,holder,kind\n" + trunks,
        "sources.csv": "trunk,address\n" + sources,
    }
    ledger = load(tmp_path, files).ledger
    assert all(ledger.trunks[f"t{each}"].numbers == 70 for each in range(25))
    assert ledger.ranges == 70 + 4  # and the titles


def test_files_of_numbers_lie_below_and_their_lines_are_named(tmp_path: Path) -> None:
    grant = "trunks:\n  - name: more\n    holder: Bank\n    kind: enterprise\n    sources: [{address: 192.0.2.7}]\n" \
        "    numbers:\n      - {file: numbers/own.csv, valid_until: 2099-01-01}\n"  # fmt: skip
    files = {"more.yaml": grant, "numbers/own.csv": "number,note\n+862160000001,\n+862160000002,\n"}
    assert load(tmp_path, files).ledger.trunks["more"].numbers == 2
    files["numbers/own.csv"] = "number\n+862160000001\nx\n"
    assert faults(tmp_path, files) == ["numbers/own.csv:3:1: not a number that the plan reads (malformed)"]
    del files["numbers/own.csv"]
    (tmp_path / "ledger/numbers/own.csv").unlink()
    (found,) = faults(tmp_path, files)
    assert found.startswith("more.yaml:7: trunks[0].numbers[0].file: ")
    assert found.endswith("numbers/own.csv: cannot be read: No such file or directory") or "own.csv" in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("holders:\n  - {name: Bank}\n", ["more.yaml:2: holders[0]: holder Bank is also in DIR/holders.yaml:2"]),
        ("sets:\n  - {name: s, holder: Bank}\n  - {name: s, holder: Bank}\n",
         ["more.yaml:3: sets[1]: set s is also in DIR/more.yaml:2"]),
        ("sets:\n  - {name: s, holder: Nobody}\n", ["more.yaml:2: sets[0]: set s: no holder Nobody"]),
        ("trunks:\n  - {name: bank, holder: Bank, kind: enterprise}\n",
         ["more.yaml:2: trunks[0]: trunk bank has no source: no call could come from it",
          "trunks.yaml:2: trunks[0]: trunk bank is also in DIR/more.yaml:2"]),
        ("trunks:\n  - {name: x, holder: Nobody, kind: enterprise, sources: [{address: 192.0.2.9}]}\n",
         ["more.yaml:2: trunks[0]: trunk x: no holder Nobody"]),
        ("trunks:\n  - name: x\n    holder: Bank\n    kind: enterprise\n    sources: [{address: 192.0.2.9}]\n"
         "    numbers:\n      - {number: nonsense}\n",
         ["more.yaml:7: trunks[0].numbers[0].number: not a number that the plan reads (malformed)"]),
        ("trunks:\n  - name: x\n    holder: Bank\n    kind: enterprise\n    sources: [{address: 192.0.2.9}]\n"
         "    numbers:\n      - {from: '+862160000009', to: '+862160000001'}\n",
         ["more.yaml:7: trunks[0].numbers[0].to: to is below from"]),
        ("trunks:\n  - name: x\n    holder: Bank\n    kind: enterprise\n    sources: [{address: 192.0.2.9}]\n"
         "    numbers:\n      - {set: none}\n", ["more.yaml:7: trunks[0].numbers[0]: no set none"]),
        ("trunks:\n  - name: x\n    holder: Shop\n    kind: enterprise\n    sources: [{address: 192.0.2.9}]\n"
         "    numbers:\n      - {set: s}\nsets: [{name: s, holder: Bank, numbers: [{number: '95588'}]}]\n",
         ["more.yaml:7: trunks[0].numbers[0]: set s is Bank's, trunk x is Shop's: a note has to say by what right"]),
        ("trunks:\n  - name: x\n    holder: Bank\n    kind: enterprise\n    sources: [{address: 192.0.2.9}]\n"
         "    numbers:\n      - {set: s}\n      - {set: s}\nsets: [{name: s, holder: Bank}]\n",
         ["more.yaml:8: trunks[0].numbers[1]: set s is granted to x twice, also in DIR/more.yaml:7"]),
        ("trunks:\n  - name: x\n    holder: Bank\n    kind: enterprise\n    gateways: west\n"
         "    sources: [{address: 192.0.2.9}]\n",
         ["more.yaml:2: trunks[0]: trunk x: no gateway group west; there are: default"]),
        ("trunks:\n  - name: x\n    holder: Bank\n    kind: enterprise\n    rules: {rate: {limt: 5}}\n"
         "    sources: [{address: 192.0.2.9}]\n",
         ["more.yaml:2: trunks[0].rules.rate.limt: trunk x: unknown key"]),
        ("trunks:\n  - name: x\n    holder: Bank\n    kind: enterprise\n    sources: [{address: '2001:db8::1'}]\n",
         ["more.yaml:5: trunks[0].sources[0]: no listener of IPv6"]),
        ("defaults: {all: {numbers: [{number: '95588'}]}}\n",
         ["more.yaml:1: defaults.all.numbers[0]: what every trunk may show is a set: numbers are listed once"]),
        ("defaults: {everybody: {}}\n", ["more.yaml:1: defaults.everybody: must be 'all'"]),
        ("holders:\n  - {name: X, contract: {calls_per_hour: many}}\n",
         ["more.yaml:2: holders[0].contract.calls_per_hour: must be a valid integer"]),
        ("trunk: []\n", ["more.yaml:1: trunk: unknown key; did you mean trunks?"]),
        ("holders: [", ["more.yaml:2: did not find"]),
    ],
)  # fmt: skip
def test_every_fault_has_its_line_and_path(tmp_path: Path, text: str, expected: list[str]) -> None:
    found = faults(tmp_path, {"more.yaml": text})
    wanted = [each.replace("DIR/", "") for each in expected]
    assert [each[: len(start)] for each, start in zip(found, wanted, strict=True)] == wanted, found


def test_what_is_over_is_told_and_stops_nobody(tmp_path: Path) -> None:
    holders = HOLDERS.replace("certificate: C-2", "certificate: C-2, valid_until: 2020-02-29").replace(
        "  - name: Shop\n", "  - name: Shop\n    contract: {valid_until: 2019-12-31}\n"
    )
    bundle = load(tmp_path, {"holders.yaml": holders})
    assert [str(fault).replace(f"{tmp_path}/ledger/", "") for fault in bundle.late] == [
        "holders.yaml:7: holders[1]: the contract of Shop ended on 2019-12-31",
        "holders.yaml:5: holders[0].numbers[1]: certificate C-2 of Bank expired on 2020-02-29",
    ]
    assert "bank" in bundle.ledger.trunks


def test_trunks_of_the_settings_and_of_the_ledger_stand_side_by_side(tmp_path: Path) -> None:
    inline = "trunks:\n  - {name: lab, holder: Lab, kind: internal, sources: [{address: 192.0.2.77}], " \
        "numbers: [{number: '+862160000001'}]}\n"  # fmt: skip
    ledger = load(tmp_path, {"grants.csv": "trunk,number\nbank,+862160000001\n"}, MAIN + inline).ledger
    assert list(ledger.trunks) == ["bank", "lab", "shop"]
    assert ledger.trunks["lab"].standing("+862160000001").granted
    assert set(ledger.trunks["bank"].standing("+862160000001").holders) == {"Bank", "Lab"}
    same = inline.replace("name: lab", "name: bank").replace("192.0.2.77", "192.0.2.1")
    (tmp_path / "ledger/grants.csv").unlink()
    assert faults(tmp_path, {}, MAIN + same) == ["trunks.yaml:2: trunks[0]: trunk bank is also in the settings"]
