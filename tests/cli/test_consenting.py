"""Consents and refusals, written to the registry and to the store; how the numbers are written does not matter."""

from __future__ import annotations

import json
import subprocess
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import typer
from tests.cli.command import SAMPLE, Ringfence

from ringfence.cli.consenting import end_of
from ringfence.lookups.embedded import EmbeddedStore

HOLDER = ("--holder", "Example Marketing")
NUMBER = "13000005001"


def counts(ringfence: Ringfence) -> list[tuple[str, str]]:
    shown = json.loads(ringfence("consent", "show", NUMBER, "--json").out)
    return [(entry["scope"], entry["kind"]) for entry in shown["counts"]]


def judged(ringfence: Ringfence) -> str:
    """What a call from the sample's marketing trunk would come to, by the store."""
    done = ringfence("explain", "--trunk", "callcentre", "--from", "+862100000800", "--to", NUMBER, "--json", "--live")
    return str(json.loads(done.out))


@pytest.mark.usefixtures("store")
class TestConsent:
    def test_given_refused_and_removed(self, ringfence: Ringfence) -> None:
        config = ("--config", SAMPLE)
        assert ringfence("consent", "show", NUMBER, *config) == (1, "+8613000005001: no consent, no refusal\n", "")
        done = ringfence(
            "consent", "add", "+86 130-0000-5001", *HOLDER, "--until", "2199-12-31T12:00+08:00", "--since", "2024-01-01",
            "--reference", "call 17", *config,
        )  # fmt: skip
        assert (done.code, done.err) == (0, "")
        assert done.out == "+8613000005001 consents to calls of Example Marketing, until 2199-12-31 12:00+08:00\n"
        assert ringfence("consent", "refuse", "008613000005001", *config).code == 0
        shown = json.loads(ringfence("consent", "show", "013000005001", "--json", *config).out)
        assert [(one["kind"], one["scope"]) for one in shown["said"]] == [
            ("consent", "holder:Example Marketing"),
            ("refusal", "*"),
        ]
        assert shown["said"][0]["until"] == datetime.fromisoformat("2199-12-31T12:00+08:00").timestamp()
        assert abs(shown["said"][1]["since"] - time.time()) < 60
        assert counts(ringfence) == [("*", "refusal")]
        assert (
            ringfence("consent", "remove", NUMBER, "--holder", "*", "--why", "a typing error", *config).out
            == "1 removed\n"
        )
        assert counts(ringfence) == [("holder:Example Marketing", "consent")]
        assert ringfence("consent", "remove", NUMBER, "--all", *config).out == "1 removed\n"
        assert ringfence("consent", "remove", NUMBER, "--all", *config) == (1, "0 removed\n", "")
        text = ringfence("consent", "show", NUMBER, *config).out
        assert text.splitlines()[0].split() == ["id", "says", "about", "since", "until", "evidence", "ended"]
        assert "nothing" in text.splitlines()[-1]

    def test_calls_are_judged_by_it_at_once(self, ringfence: Ringfence) -> None:
        assert "unknown_consent" in judged(ringfence)  # no index yet
        ringfence("consent", "add", NUMBER, *HOLDER)
        assert "no_consent" not in judged(ringfence)
        ringfence("consent", "refuse", NUMBER)
        assert "refused" in judged(ringfence)

    def test_without_an_end(self, ringfence: Ringfence) -> None:
        done = ringfence("consent", "add", NUMBER, *HOLDER)
        assert done.out == "+8613000005001 consents to calls of Example Marketing, without an end\n"

    def test_a_consent_that_does_not_count_is_told(self, ringfence: Ringfence) -> None:
        ringfence("consent", "refuse", NUMBER, *HOLDER, "--since", "2024-01-01")
        done = ringfence("consent", "add", NUMBER, *HOLDER, "--since", "2024-01-02")
        assert (done.code, done.err.startswith("warning: it does not count: a refusal or wish stands")) == (0, True)
        assert counts(ringfence) == [("holder:Example Marketing", "refusal")]
        assert ringfence("consent", "add", NUMBER, *HOLDER, "--since", "2024-01-02", "--reference", "call 17").err == ""
        assert counts(ringfence) == [("holder:Example Marketing", "consent")]

    def test_a_sector_is_refused(self, ringfence: Ringfence) -> None:
        done = ringfence("consent", "refuse", NUMBER, "--sector", "finance")
        assert done.out == "+8613000005001 refuses calls of sector finance\n"
        assert counts(ringfence) == [("sector:finance", "refusal")]
        assert ringfence("consent", "refuse", NUMBER, "--sector", "gambling").code != 0

    @pytest.mark.parametrize("command", ["add", "refuse"])
    def test_a_holder_that_no_trunk_has_is_warned_of(self, ringfence: Ringfence, command: str) -> None:
        done = ringfence("consent", command, NUMBER, "--holder", "Exmaple Marketing")
        assert done.code == 0
        assert done.err.startswith("warning: no trunk has the holder 'Exmaple Marketing'; there are: Example Bank,")

    def test_proven_by_a_file_and_by_openssl(self, ringfence: Ringfence, tmp_path: Path) -> None:
        file = tmp_path / "form.pdf"
        file.write_bytes(b"%PDF-1.7 I agree")
        assert ringfence("consent", "add", NUMBER, *HOLDER, "--evidence", file).code == 0
        done = ringfence("consent", "proof", NUMBER, "Example Marketing", "--to", tmp_path / "proof")
        first, command, fingerprint = done.out.splitlines()
        assert first.startswith("1 statements and 1 files in ")
        verified = subprocess.run(command.split(), cwd=tmp_path / "proof", capture_output=True, text=True, check=True)
        assert verified.stdout == "Verified OK\n"
        assert fingerprint.startswith("fingerprint of the key: ")
        (kept,) = [path for path in (tmp_path / "data" / "evidence").rglob("*") if path.is_file()]
        kept.write_bytes(b"changed")
        done = ringfence("consent", "proof", NUMBER, "Example Marketing", "--to", tmp_path / "proof")
        assert (done.code, done.err) == (1, f"warning: evidence {kept.name} is missing or was changed\n")
        assert ringfence("consent", "add", NUMBER, *HOLDER, "--evidence", tmp_path / "nowhere.pdf").code == 64


def test_what_is_recorded_while_the_store_is_down_is_safe(ringfence: Ringfence) -> None:
    done = ringfence("consent", "refuse", NUMBER)
    assert done.code == 0
    assert done.err.startswith("warning: recorded, but calls are not judged by it yet: the embedded store does not run")
    assert counts(ringfence) == [("*", "refusal")]


def test_a_store_that_does_not_answer_is_said(ringfence: Ringfence, store: EmbeddedStore) -> None:
    store.socket.rename(store.socket.with_name("elsewhere"))
    done = ringfence("score", "show", NUMBER)
    assert done.code == 1
    assert "`ringfence serve` starts it" in done.err


def test_a_day_ends_at_its_end_and_a_time_at_itself() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    assert end_of("2199-06-30", zone) == datetime.fromisoformat("2199-07-01T00:00+08:00").timestamp()
    assert end_of("2199-06-30T00:00", zone) == datetime.fromisoformat("2199-06-30T00:00+08:00").timestamp()
    assert end_of("2199-06-30T00:00+00:00", zone) == datetime.fromisoformat("2199-06-30T00:00+00:00").timestamp()
    for text in ("soon", "2001-01-01"):
        with pytest.raises(typer.BadParameter):
            end_of(text, zone)
