"""`ringfence registry` from the command line to the database and back."""

from __future__ import annotations

import json
import secrets
import sqlite3
from pathlib import Path

from tests.cli.command import Ringfence

NUMBER = "13000005001"


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "in.csv"
    file.write_text(text)
    return file


def test_files_in_verified_and_out(ringfence: Ringfence, tmp_path: Path, data: Path) -> None:
    (tmp_path / "form.pdf").write_bytes(b"%PDF-1")
    consents = written(
        tmp_path,
        "callee,holder,given_at,evidence\n"
        f"{NUMBER},Example Marketing,2024-01-01,form.pdf\n"
        f"{NUMBER},Example Marketing,2024-01-02,../etc/passwd\n"
        f"{NUMBER},Example Marketing,2024-01-03,\n",
    )
    done = ringfence("registry", "import", "consents", consents, "--evidence", tmp_path)
    assert (done.code, done.out) == (1, "2 recorded, 0 known before, 1 bad\n")
    assert "3,evidence,../etc/passwd: no such file in " in (tmp_path / "in.csv.report.csv").read_text()
    wishes = written(tmp_path, f"callee,level,since\n{NUMBER},all,2023-01-01\n")
    assert ringfence("registry", "import", "wishes", wishes).out == "1 recorded, 0 known before, 0 bad\n"
    assert ringfence("registry", "import", "wish", wishes).code == 64
    assert ringfence("registry", "export", tmp_path / "out.csv").out == "1 wishes\n"
    assert (tmp_path / "out.csv").read_text().splitlines()[1] == "+8613000005001,all,,2023-01-01T00:00:00+08:00,import"
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o600

    done = ringfence("registry", "verify")
    assert done.code == 0
    summary, last = done.out.splitlines()
    assert summary == "5 audit entries, 3 statements, 1 callees, 1 files: sound"
    anchor = last.removeprefix("last entry: ")
    assert ringfence("registry", "verify", "--expect", anchor).code == 0
    assert ringfence("registry", "verify", "--expect", "5").code == 64
    with sqlite3.connect(data / "registry" / "registry.db") as connection:
        connection.execute("UPDATE audit SET actor = 'nobody' WHERE sequence = 2")
    done = ringfence("registry", "verify", "--json")
    assert (done.code, json.loads(done.out)["faults"][0]) == (1, "audit: entry 2 was changed, or one before it")


def test_a_list_of_numbers_with_what_is_the_same_for_all(ringfence: Ringfence, tmp_path: Path) -> None:
    numbers = written(tmp_path, f"callee\n{NUMBER}\n13000005002\n")
    given = ("--value", "holder=Example=Bank", "--value", "given_at=2024-01-01")
    assert ringfence("registry", "import", "consents", numbers, *given).out == "2 recorded, 0 known before, 0 bad\n"
    assert "holder:Example=Bank" in ringfence("registry", "list").out
    for wrong in (("--value", "holder"), (*given, "--value", "holder=Other")):
        assert ringfence("registry", "import", "consents", numbers, *wrong).code == 64


def test_listings_are_masked(ringfence: Ringfence) -> None:
    ringfence("consent", "refuse", NUMBER)
    ringfence("consent", "add", NUMBER, "--holder", "Example Bank")
    done = ringfence("registry", "list")
    assert len(done.out.splitlines()) == 3
    assert "+86130****5001" in done.out and "+8613000005001" not in done.out
    assert len(ringfence("registry", "list", "--holder", "Example Bank").out.splitlines()) == 2
    assert "+8613000005001" in ringfence("registry", "list", "--full").out


def test_deleted_retained_and_encrypted_anew(ringfence: Ringfence, data: Path) -> None:
    ringfence("consent", "add", NUMBER, "--holder", "Example Bank", "--reference", "call 1")
    done = ringfence("registry", "erase", NUMBER)
    assert done.code == 1
    assert "must be kept until after the consent ended: give a reason" in done.err
    keys = data / "keys" / "numbers.key"
    keys.write_text(secrets.token_hex(32) + "\n" + keys.read_text())
    assert ringfence("registry", "rotate").out == "1 numbers and 0 files encrypted anew\n"
    assert ringfence("registry", "rotate").out == "0 numbers and 0 files encrypted anew\n"
    keys.write_text(keys.read_text().splitlines()[0])
    assert json.loads(ringfence("consent", "show", NUMBER, "--json").out)["counts"]
    assert ringfence("registry", "erase", NUMBER, "--early", "the person insists").out == "1 statements deleted\n"
    assert ringfence("registry", "erase", NUMBER).code == 1
    assert ringfence("consent", "show", NUMBER).code == 1
    assert json.loads(ringfence("registry", "retain", "--json").out) == {
        "statements": 0,
        "files": 0,
        "numbers": 0,
        "changes": 0,
        "trace_requests": 0,
    }
    assert ringfence("registry", "retain", "--dry-run").out.splitlines()[0] == "statements      0"
    assert ringfence("registry", "verify").code == 0


def test_tokens(ringfence: Ringfence) -> None:
    done = ringfence("registry", "token", "add", "bank-1", "--role", "holder", "--holder", "Example Bank")
    assert done.out.startswith("rf_") and len(done.out) > 40
    assert ringfence("registry", "token", "add", "bank-1", "--role", "operator").code == 1
    assert ringfence("registry", "token", "add", "x", "--role", "holder").code == 1
    assert ringfence("registry", "token", "add", "x", "--role", "king").code == 64
    assert done.out.strip() not in ringfence("registry", "token", "list").out
    assert "bank-1" in ringfence("registry", "token", "list").out
    assert ringfence("registry", "token", "revoke", "bank-1").code == 0
    assert ringfence("registry", "token", "revoke", "bank-1").code == 1
