"""`ringfence ledger`: shown, compared, taken in, written out and tried on calls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.command import SAMPLE, Ringfence
from tests.support import ledgers

GRANTS = "trunk,set,number,from,to,note\nbank,,+862160000001,,,\nbank,lines,,,,\nshop,,,+862170000000,+862170000099,\n"
FILES = {
    "sets.yaml": "sets: [{name: lines, holder: Bank, numbers: [{number: '95588'}]}]\n",
    "grants.csv": GRANTS,
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return ledgers.write(tmp_path, FILES)


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


class TestShow:
    def test_a_number_with_its_holder_and_trunks(self, ringfence: Ringfence, config: Path) -> None:
        done = ringfence("ledger", "show", "021 60000001", "--config", config)
        assert done.code == 0
        assert lines(done.out) == [
            "number +862160000001 (e164, written '021 60000001')",
            "held by Bank (certificate C-1)",
            "",
            "trunk holder by purpose direction days state note",
            "bank Bank grant all both always granted",
        ]
        answer = json.loads(ringfence("ledger", "show", "95588", "--config", config, "--json").out)
        assert answer["titles"][0]["certificate"] == "C-2"
        assert [(grant["trunk"], grant["by"]) for grant in answer["grants"]] == [("bank", "set lines")]

    @pytest.mark.parametrize(
        ("number", "held", "code"),
        [
            ("+862160009999", "held by Bank (certificate C-1)", 0),
            ("+862180000000", "held by nobody that the ledger knows", 1),
            ("nonsense", "held by nobody that the ledger knows", 1),
        ],
    )
    def test_a_number_that_no_trunk_may_show(
        self, ringfence: Ringfence, config: Path, number: str, held: str, code: int
    ) -> None:
        done = ringfence("ledger", "show", number, "--config", config)
        assert (done.code, lines(done.out)[1:]) == (code, [held])

    def test_a_trunk_with_all_that_it_may_show(self, ringfence: Ringfence) -> None:
        done = ringfence("ledger", "show", "callcentre", "--config", SAMPLE)
        assert done.code == 0
        for line in (
            "holder Example Marketing",
            "calls per hour 300",
            "contract C-2026-0002, 2026-01-01 to 2035-12-31",
            "sanctions written warning; suspension of the trunk; termination",
            "grant Example Marketing +862100000900 all both always suspended",
            "grant Example Marketing +862100000000 to +862100000499 marketing both 2026-01-01 to 2035-12-31 granted",
        ):
            assert line in lines(done.out), done.out
        answer = json.loads(ringfence("ledger", "show", "bank", "--config", SAMPLE, "--json").out)
        assert answer["grants"][0]["ranges"] == ["95000", "+861000000000 to +861000000999"]


class TestDiff:
    def test_the_same_said_otherwise_is_no_difference(self, ringfence: Ringfence, tmp_path: Path, config: Path) -> None:
        other = tmp_path / "other"
        assert ringfence("ledger", "export", other, "--config", config).code == 0
        done = ringfence("ledger", "diff", tmp_path / "ledger", other, "--config", config)
        assert (done.code, done.out) == (0, "no difference\n")
        done = ringfence("ledger", "export", other, "--config", config)
        assert (done.code, done.err) == (1, f"{other}: is not empty\n")

    def test_what_was_lost_gained_and_changed(self, ringfence: Ringfence, tmp_path: Path, config: Path) -> None:
        other = tmp_path / "other"
        (tmp_path / "b").mkdir()
        changed = {
            **FILES,
            "grants.csv": GRANTS.replace("+862170000099", "+862170000049").replace("bank,lines,,,,\n", ""),
            "more.yaml": "holders: [{name: New}]\n",
            "trunks.yaml": ledgers.TRUNKS.replace("call_center", "platform"),
        }
        ledgers.write(tmp_path / "b", changed)
        (tmp_path / "b/ledger").rename(other)
        done = ringfence("ledger", "diff", tmp_path / "ledger", other, "--config", config)
        assert done.code == 1
        assert lines(done.out) == [
            "holder change",
            "New added",
            "trunk change",
            "bank sets lines",
            "shop kind",
            "kind of change numbers which",
            "grant shop lost 50 +862170000050 to +862170000099",
        ]
        answer = json.loads(ringfence("ledger", "diff", tmp_path / "ledger", other, "--config", config, "--json").out)
        assert answer["numbers"][0]["count"] == 50


class TestImport:
    def test_a_table_of_another_system(self, ringfence: Ringfence, tmp_path: Path, config: Path) -> None:
        file = tmp_path / "导出.csv"
        file.write_bytes("中继;主叫号码;备注;状态\nbank;+862160000007;新;在用\n".encode("gb18030"))
        arguments = (
            "ledger", "import", file, "--table", "grants", "--encoding", "gb18030", "--separator", ";",
            "--column", "trunk=中继", "--column", "number=主叫号码", "--column", "note=备注", "--config", config,
        )  # fmt: skip
        done = ringfence(*arguments)
        assert done.code == 78 and "column 状态: say which of ours it is" in done.err
        done = ringfence(*arguments, "--column", "=状态", "--dry-run")
        assert done.code == 0 and "+862160000007" in done.out
        assert not (tmp_path / "ledger/grants.导出.csv").exists()
        done = ringfence("ledger", "import", file.rename(tmp_path / "crm.csv"), *arguments[3:], "--column", "=状态")
        assert done.code == 0, done.err
        target = tmp_path / "ledger/grants.crm.csv"
        assert target.read_text() == "trunk,number,note\nbank,+862160000007,新\n"
        assert ringfence("ledger", "show", "+862160000007", "--config", config).code == 0

    def test_with_faults_nothing_is_taken_and_all_are_named(
        self, ringfence: Ringfence, tmp_path: Path, config: Path
    ) -> None:
        file = tmp_path / "grants.new.csv"
        file.write_text("trunk,number\nbank,x\nbank,+862160000002\nnobody,+862160000003\nbank,+862190000000,\n")
        done = ringfence("ledger", "import", file, "--config", config)
        assert (done.code, done.err.splitlines()) == (
            78,
            [
                f"{file}:2:6: not a number that the plan reads (malformed)",
                f"{file}:4:1: no trunk nobody in the ledger",
                f"{file}:5:20: 3 fields where the header names 2",
            ],
        )
        assert not (tmp_path / "ledger/grants.new.csv").exists()
        file.write_text("trunk,number,from,to\nshop,,+862170000090,+862170000190\n")
        done = ringfence("ledger", "import", file, "--config", config)
        assert done.err == (
            f"{file}:2: granted twice without a note: overlaps {tmp_path}/ledger/grants.csv:4, trunk shop\n"
        )

    @pytest.mark.parametrize(
        ("name", "more", "code", "told"),
        [
            ("odd.csv", (), 64, "does not say which table it is"),
            ("none.csv", ("--table", "grants"), 1, "cannot be read"),
            ("grants.csv", ("--separator", ""), 64, "a separator is one character"),
            ("grants.csv", ("--column", "x"), 64, "written OURS=THEIRS"),
            ("grants.csv", ("--encoding", "klingon"), 78, "not klingon"),
        ],
    )
    def test_what_cannot_be_asked(
        self, ringfence: Ringfence, tmp_path: Path, config: Path, name: str, more: tuple[str, ...], code: int, told: str
    ) -> None:
        (tmp_path / "odd.csv").write_text("x\n")
        (tmp_path / "grants.csv").write_text("trunk,number\n")
        done = ringfence("ledger", "import", tmp_path / name, *more, "--config", config)
        assert done.code == code and told in " ".join(done.err.replace("│", " ").split())

    def test_a_whole_ledger_comes_back_as_it_was(self, ringfence: Ringfence, tmp_path: Path, config: Path) -> None:
        other = tmp_path / "other"
        assert ringfence("ledger", "export", other, "--config", config).code == 0
        (tmp_path / "ledger/grants.csv").write_text("trunk,number\n")
        before = ringfence("ledger", "diff", other, tmp_path / "ledger", "--config", config)
        assert before.code == 1
        assert ringfence("ledger", "import", other, "--dry-run", "--config", config).out.count("gained") == 2
        done = ringfence("ledger", "import", other, "--config", config)
        assert done.code == 0 and "2 trunks" in done.out
        assert ringfence("ledger", "diff", other, tmp_path / "ledger", "--config", config).code == 0
        (kept,) = tmp_path.glob("ledger.before-*")
        assert (kept / "grants.csv").read_text() == "trunk,number\n"

    def test_a_faulty_ledger_is_not_taken(self, ringfence: Ringfence, tmp_path: Path, config: Path) -> None:
        other = tmp_path / "other"
        other.mkdir()
        (other / "holders.csv").write_text("name,contract_until\nX,2020-01-01\n")
        done = ringfence("ledger", "import", other, "--config", config)
        assert (done.code, done.err) == (78, f"{other}/holders.csv:2: the contract of X ended on 2020-01-01\n")
        assert (tmp_path / "ledger/grants.csv").read_text() == GRANTS


class TestDryRun:
    CALLS = (
        "trunk,caller,callee,asserted,private,at\n"
        "bank,+862160000001,+8613900139000,,,\n"
        "bank,95588,+8613900139000,,,2026-11-25T12:00+08:00\n"
        "shop,+862170000060,+8613900139000,,,1800000000\n"
        "shop,+862170000061,+8613900139000,,,\n"
        "nobody,1,2,,,\n"
    )

    def test_how_many_calls_would_be_judged_otherwise(self, ringfence: Ringfence, tmp_path: Path, config: Path) -> None:
        calls = tmp_path / "calls.csv"
        calls.write_text(self.CALLS)
        (tmp_path / "b").mkdir()
        changed = GRANTS.replace("+862170000099", "+862170000049").replace("bank,lines,,,,\n", "")
        ledgers.write(tmp_path / "b", {**FILES, "grants.csv": changed})
        new = tmp_path / "b/ledger"
        done = ringfence("ledger", "dry-run", new, "--calls", calls, "--config", config)
        assert done.code == 1
        assert lines(done.out) == [
            "3 of 5 calls would be judged differently",
            "holder was becomes calls for example",
            f"Shop forward reject: caller_authorised.held_not_granted 2 {calls}:4: +862170000060 to +8613900139000 on shop",
            f"Bank forward reject: caller_authorised.held_not_granted 1 {calls}:3: 95588 to +8613900139000 on bank",
        ]
        answer = json.loads(ringfence("ledger", "dry-run", new, "--calls", calls, "--config", config, "--json").out)
        assert (answer["calls"], answer["different"]) == (5, 3)
        done = ringfence("ledger", "dry-run", tmp_path / "ledger", "--calls", calls, "--config", config)
        assert (done.code, done.out) == (0, "0 of 5 calls would be judged differently\n")

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("trunk,caller\n", ":1: no column callee"),
            ("trunk,caller,callee\na,b\n", ":2: not as many fields"),
            ("trunk,caller,callee,at\na,b,c,soon\n", ":2: 'soon' is no time"),
        ],
    )
    def test_a_file_that_is_no_list_of_calls(
        self, ringfence: Ringfence, tmp_path: Path, config: Path, text: str, told: str
    ) -> None:
        calls = tmp_path / "calls.csv"
        calls.write_text(text)
        done = ringfence("ledger", "dry-run", tmp_path / "ledger", "--calls", calls, "--config", config)
        assert done.code == 1 and done.err.startswith(f"{calls}{told}")


def test_settings_without_a_ledger_say_so(ringfence: Ringfence, tmp_path: Path) -> None:
    file = ledgers.write(tmp_path, {}, ledgers.MAIN.replace("ledger: {folder: ledger}\n", ""))
    for command in (("export", tmp_path / "x"), ("import", tmp_path)):
        done = ringfence("ledger", *command, "--config", file)
        assert (done.code, done.err) == (1, f"{file} names no ledger.folder\n")
