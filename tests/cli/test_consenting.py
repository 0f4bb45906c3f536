"""Consents and refusals, recorded in the registry and read back; how the numbers are written does not matter."""

from __future__ import annotations

import json
import time
from datetime import datetime

import pytest
from tests.cli.command import SAMPLE, Ringfence

from ringfence.cli.consenting import end_of
from ringfence.lookups.embedded import EmbeddedStore

HOLDER = ("--holder", "Example Marketing")


def live(ringfence: Ringfence) -> str:
    """The consent rule's reason for the next marketing call, "" for none."""
    call = ("explain", "--trunk", "callcentre", "--from", "+862100000001", "--to", "+8613000005001")
    verdict = json.loads(ringfence(*call, "--live", "--json").out)["verdict"]
    return str(verdict["reason"])


@pytest.mark.usefixtures("store")
class TestConsent:
    def test_given_refused_and_forgotten(self, ringfence: Ringfence) -> None:
        config = ("--config", SAMPLE)
        assert ringfence("consent", "show", "13000005001", *config) == (
            1, "+8613000005001: no consent, no refusal\n", "",
        )  # fmt: skip
        assert live(ringfence) == "consent.unknown_consent"  # no index yet
        done = ringfence("consent", "add", "+86 130-0000-5001", *HOLDER, "--until", "2099-12-31T12:00+08:00", *config)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("+8613000005001 consents to calls of Example Marketing, until ")
        assert live(ringfence) == ""
        (entry,) = json.loads(ringfence("consent", "show", "13000005001", "--json", *config).out)["entries"]
        assert (entry["scope"], entry["says"]) == ("holder:Example Marketing", "consent")
        assert entry["until"] == datetime.fromisoformat("2099-12-31T12:00+08:00").timestamp()
        assert ringfence("consent", "refuse", "008613000005001", *config).code == 0
        assert live(ringfence) == "consent.refused"
        (entry,) = json.loads(ringfence("consent", "show", "13000005001", "--json", *config).out)["entries"]
        assert (entry["scope"], entry["says"], entry["until"]) == ("*", "refusal", None)
        assert abs(entry["since"] - time.time()) < 60
        shown = ringfence("consent", "show", "013000005001", *config)
        assert [line.split("  ")[0] for line in shown.out.splitlines()] == ["scope", "*"]
        assert ringfence("consent", "remove", "13000005001", "--holder", "*", *config).out == "1 removed\n"
        assert live(ringfence) == ""
        assert ringfence("consent", "remove", "13000005001", "--all", *config).out == "1 removed\n"
        assert live(ringfence) == "consent.no_consent"
        assert ringfence("consent", "remove", "13000005001", "--all", *config) == (1, "0 removed\n", "")

    def test_without_an_end(self, ringfence: Ringfence) -> None:
        done = ringfence("consent", "add", "13000005001", *HOLDER)
        assert done.out == "+8613000005001 consents to calls of Example Marketing, without an end\n"

    def test_a_refusal_of_one_holder_takes_the_place_of_the_consent(self, ringfence: Ringfence) -> None:
        ringfence("consent", "add", "13000005001", *HOLDER)
        assert ringfence("consent", "refuse", "13000005001", *HOLDER).out.endswith("calls of Example Marketing\n")
        entries = json.loads(ringfence("consent", "show", "13000005001", "--json").out)["entries"]
        assert [(entry["scope"], entry["says"]) for entry in entries] == [("holder:Example Marketing", "refusal")]
        assert live(ringfence) == "consent.refused_holder"

    @pytest.mark.parametrize("command", ["add", "refuse"])
    def test_a_holder_that_no_trunk_has_is_warned_of(self, ringfence: Ringfence, command: str) -> None:
        done = ringfence("consent", command, "13000005001", "--holder", "Exmaple Marketing")
        assert done.code == 0
        assert done.err.startswith("warning: no trunk has the holder 'Exmaple Marketing'; there are: Example Bank,")


def test_a_store_that_does_not_answer_is_said(ringfence: Ringfence, store: EmbeddedStore) -> None:
    store.socket.rename(store.socket.with_name("elsewhere"))
    done = ringfence("consent", "show", "13000005001")
    assert done.code == 1
    assert "`ringfence serve` starts it" in done.err


def test_a_day_ends_at_its_end_and_a_time_at_itself() -> None:
    assert end_of("2199-06-30") == datetime(2199, 7, 1).timestamp()
    assert end_of("2199-06-30T00:00+00:00") == datetime.fromisoformat("2199-06-30T00:00+00:00").timestamp()
