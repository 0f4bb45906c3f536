"""Verdicts on the sample configuration, with facts given and with facts from a real store."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command import SAMPLE, Ringfence

from ringfence.config import load_bundle
from ringfence.config.keys import store_keys
from ringfence.lookups import Lookups, store_place
from ringfence.screening import Call, Need
from ringfence.screening.discovery import RULES

CALLEE = ("--to", "+861000005001")
MESSAGE = """\
INVITE sip:+861000005001@127.0.0.1 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5071;branch=z9hG4bK1
From: "Somebody" <sip:+862200000001@127.0.0.1>;tag=1
To: <sip:+861000005001@127.0.0.1>
Call-ID: 1
CSeq: 1 INVITE

"""


def explained(ringfence: Ringfence, *arguments: object) -> dict[str, Any]:
    done = ringfence("explain", "--json", "--config", SAMPLE, *arguments)
    assert (done.code, done.err) == (0, "")
    answer: dict[str, Any] = json.loads(done.out)
    return answer


MISMATCH = ("--from", "+442079460001", "--pai", "+442079460002")
CROWDED = ("--from", "+862100000001", "--consent", "yes", "--attempts", "601")


def test_a_service_number_says_what_it_refuses(ringfence: Ringfence, tmp_path: Path) -> None:
    config = tmp_path / "ringfence.yaml"
    line = "voice:\n  lines: [{number: '12321', refuses: everybody}]\n"
    folder = SAMPLE.parent / "ledger"
    config.write_text(
        SAMPLE.read_text().replace("voice:\n", line).replace("folder: ledger", f"folder: {folder.absolute()}")
    )
    asked = ("explain", "--trunk", "lab", "--to", "12321", "--config", config)
    done = ringfence(*asked, "--from", "+861000009000")
    assert (done.code, done.err) == (0, "")
    assert "dials    12321, to refuse *\n" in done.out
    answer = json.loads(ringfence(*asked, "--json", "--from", "+861000005001", "--trunk", "lab").out)
    assert (answer["response"]["status"], answer["dials"]) == (403, None)


@pytest.mark.parametrize(
    ("trunk", "arguments", "action", "reason", "status"),
    [
        ("bank", ("--from", "+861000000101"), "forward", "", None),
        ("bank", ("--from", "+862200000001"), "reject", "caller_authorised.unknown_holder", 403),
        ("bank", ("--from", ""), "reject", "caller_number.missing", 403),
        ("bank", ("--from", "anonymous"), "reject", "caller_number.anonymous", 403),
        ("carrier", ("--from", "anonymous", "--pai", "+442079460001", "--private"), "forward", "", None),
        ("carrier", MISMATCH, "reject", "identity_conflict.asserted", 403),
        ("abroad", ("--from", "+442079460001"), "forward", "", None),
        ("abroad", ("--from", "+862200000001"), "reject", "domestic_from_abroad.never_roams", 403),
        ("abroad", ("--from", "+8613800000001"), "reject", "domestic_from_abroad.roaming_unknown", 480),
        ("abroad", ("--from", "+8613800000001", "--at-home"), "reject", "domestic_from_abroad.not_roaming", 403),
        ("abroad", ("--from", "+8613800000001", "--roaming"), "forward", "", None),
        ("carrier", ("--from", "4000000001"), "reject", "inbound_only_class.never_calls", 403),
        ("callcentre", ("--from", "+862100000001", "--consent", "yes"), "forward", "", None),
        ("callcentre", ("--from", "+862100000001", "--consent", "no"), "reject", "consent.no_consent", 403),
        ("callcentre", ("--from", "+862100000001", "--consent", "refused"), "reject", "consent.refused", 603),
        ("callcentre", ("--from", "+862100000001"), "reject", "consent.unknown_consent", 480),
        ("carrier", ("--from", "+442079460001", "--score", "65"), "tag", "harassment_score.elevated", None),
        ("carrier", ("--from", "+442079460001", "--score", "80"), "reject", "harassment_score.high", 608),
        ("callcentre", CROWDED, "tag", "rate.over_limit", None),
        ("bank", ("--from", "+861000000101", "--attempts", "601"), "forward", "", None),
    ],
)  # fmt: skip
def test_the_verdict_on_given_facts(
    ringfence: Ringfence, trunk: str, arguments: tuple[str, ...], action: str, reason: str, status: int | None
) -> None:
    answer = explained(ringfence, "--trunk", trunk, *CALLEE, *arguments)
    assert (answer["verdict"]["action"], answer["verdict"]["reason"]) == (action, reason)
    assert (answer["response"] or {}).get("status") == status
    assert [rule["rule"] for rule in answer["rules"]] == list(RULES)
    said = {rule["reason"] for rule in answer["rules"] if rule["says"] == "speaks"}
    assert not reason or reason in said


def says(answer: dict[str, Any]) -> dict[str, str]:
    return {rule["rule"]: rule["says"] for rule in answer["rules"]}


def test_a_call_that_is_let_through_is_explained_too(ringfence: Ringfence) -> None:
    answer = explained(ringfence, "--trunk", "bank", "--from", "010 0000 0101", *CALLEE, "--attempts", "601")
    assert says(answer) == {
        "emergency": "silent", "caller_number": "silent", "suffix_subletting": "silent",
        "caller_authorised": "silent", "grant_validity": "silent", "grant_scope": "silent",
        "identity_conflict": "silent", "caller_is_callee": "silent", "irregular_number": "silent",
        "inbound_only_class": "silent", "diversion": "silent",
        "foreign_not_marked": "not for this trunk", "domestic_from_abroad": "not for this trunk",
        "calling_hours": "not for this trunk", "callee_frequency": "not for this trunk", "consent": "not for this trunk", "harassment_score": "silent",
        "rate": "speaks",
    }  # fmt: skip
    observed = answer["rules"][-1]
    assert (observed["mode"], observed["points"], observed["detail"]) == ("observe", 60, "601 calls in 3600 s")
    assert answer["verdict"]["points"] == 0
    assert answer["facts"]["score"] == {"unknown": "not_given"}
    assert answer["call"]["caller"]["number"] == "+861000000101"


def test_an_emergency_call_asks_nobody_else(ringfence: Ringfence) -> None:
    answer = explained(ringfence, "--trunk", "bank", "--from", "anonymous", "--to", "110")
    assert answer["verdict"] == {"action": "forward", "reason": "emergency.called", "points": 0.0}
    assert set(says(answer).values()) == {"speaks", "not asked: settled before", "not for this trunk"}
    assert answer["facts"] == {}


def test_a_rejected_call_asks_no_store(ringfence: Ringfence) -> None:
    answer = explained(ringfence, "--trunk", "callcentre", "--from", "+862200000001", *CALLEE, "--live")
    assert says(answer)["consent"] == "not asked: settled before"
    assert answer["response"]["headers"][-1] == "P-Ringfence-Reason: caller_authorised.unknown_holder"


def test_a_rule_that_is_off_says_so(ringfence: Ringfence, tmp_path: Path) -> None:
    file = tmp_path / "off.yaml"
    text = SAMPLE.read_text().replace("folder: ledger", f"folder: {SAMPLE.parent.absolute()}/ledger")
    file.write_text(text.replace("      mode: observe\n", "      mode: off\n"))
    done = ringfence("explain", "--json", "--config", file, "--trunk", "bank", "--from", "+861000000101", *CALLEE)
    assert says(json.loads(done.out))["rate"] == "off"


def test_for_people(ringfence: Ringfence) -> None:
    arguments = ("--config", SAMPLE, "--trunk", "carrier", "--from", "anonymous", "--pai", "+442079460001")
    done = ringfence("explain", *arguments, "--private", *CALLEE, "--score", "65", "--attempts", "100")
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    for line in (
        "caller +442079460001 (foreign, GB, written '+442079460001')",
        "shown no number (anonymous, written 'anonymous')",
        "private yes",
        "score points 65.0",
        "caller_rate attempts 100, window 3600.0",
        "harassment_score enforce speaks harassment_score.elevated 60 score 65",
        "rate observe speaks rate.over_limit (60) 100 calls in 3600 s",
        "verdict tag: harassment_score.elevated (60 points)",
    ):
        assert line in lines
    done = ringfence("explain", "--config", SAMPLE, "--trunk", "bank", "--from", "1", *CALLEE)
    assert "response  403 Forbidden" in done.out
    done = ringfence("explain", "--config", SAMPLE, "--trunk", "bank", "--from", "+861000000101", *CALLEE)
    assert "verdict  forward: no rule has enough against it (0 points)" in done.out


@pytest.mark.parametrize("text", [MESSAGE, MESSAGE.replace("\n", "\r\n"), MESSAGE.strip(), MESSAGE + "v=0\n"])
def test_a_message_file_with_any_line_ends(ringfence: Ringfence, tmp_path: Path, text: str) -> None:
    file = tmp_path / "invite.sip"
    file.write_bytes(text.encode())
    answer = explained(ringfence, "--trunk", "bank", file)
    assert answer["verdict"]["reason"] == "caller_authorised.unknown_holder"
    assert answer["call"]["callee"]["number"] == "+861000005001"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hello\n", "it would be dropped before any rule looks"),
        (MESSAGE.replace("CSeq: 1 INVITE", "CSeq: 1 ACK"), "it would be answered 400 before any rule looks"),
        (MESSAGE.replace("INVITE", "OPTIONS"), "only an INVITE that begins a call is screened"),
        (MESSAGE.replace("\nCall-ID", ";tag=2\nCall-ID"), "only an INVITE that begins a call is screened"),
        ("SIP/2.0 200 OK\n" + MESSAGE.split("\n", 1)[1], "only an INVITE that begins a call is screened"),
        (None, "cannot be read: No such file"),
    ],
)
def test_what_is_no_new_call_is_said(ringfence: Ringfence, tmp_path: Path, text: str | None, why: str) -> None:
    file = tmp_path / "message.sip"
    if text is not None:
        file.write_text(text)
    done = ringfence("explain", "--trunk", "bank", file, "--config", SAMPLE)
    assert (done.code, done.out) == (1, "")
    assert why in done.err


@pytest.mark.parametrize(
    ("numbers", "code", "why"),
    [
        (("--from", "1", "--to", "sip:x y"), 1, "no INVITE can be written with these numbers: a URI is malformed\n"),
        (("--from", "1" * 257, "--to", "2"), 64, "--from: String should have at most 256 characters"),
        (("--from", "1", "--to", ""), 64, "callee or message is missing"),
        (("--from", "1", "--to", "2", "--live", "--running"), 64, "--running has facts"),
        (("--from", "1", "--to", "2", "--running"), 1, "the SIP process does not answer\n"),
    ],
)
def test_numbers_that_make_no_call_are_said(
    ringfence: Ringfence, numbers: tuple[str, ...], code: int, why: str
) -> None:
    done = ringfence("explain", "--trunk", "bank", "--config", SAMPLE, *numbers)
    assert (done.code, done.out) == (code, "")
    assert done.err == why if code == 1 else why in done.err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--at", "2026-10-01T10:00+08:00"), "calling_hours.holiday"),
        (("--at", "2026-09-20T10:00+08:00"), ""),  # a Sunday that is worked
        (("--at", "2026-09-20T14:00+00:00"), "calling_hours.outside_hours"),
        (("--at", "2026-09-20T10:00+08:00", "--earlier", "1"), "callee_frequency.over_limit"),
    ],
)
def test_when_and_how_often(ringfence: Ringfence, options: tuple[str, ...], reason: str) -> None:
    call = ("--trunk", "callcentre", "--from", "+862100000001", *CALLEE, "--consent", "yes", "--score", "0")
    answer = explained(
        ringfence, *call, "--attempts", "1", *(options if "--earlier" in options else (*options, "--earlier", "0"))
    )
    said = [row["reason"] for row in answer["rules"] if row["says"] == "speaks"]
    assert (said, answer["call"]["sector"]) == ([reason] if reason else [], "other")
    assert answer["verdict"]["action"] == "forward"  # both only observe


@pytest.mark.parametrize("text", ["2026-10-01T10:00", "10:00", "yesterday"])
def test_a_time_names_its_zone(ringfence: Ringfence, text: str) -> None:
    done = ringfence("explain", "--trunk", "bank", "--from", "1", "--to", "2", "--at", text)
    assert done.code == 64 and "with its offset" in done.err


@pytest.mark.usefixtures("store")
class TestLive:
    def test_facts_come_from_the_store_and_given_ones_go_before(self, ringfence: Ringfence) -> None:
        call = ("--trunk", "callcentre", "--from", "+862100000001", *CALLEE)
        answer = explained(ringfence, *call, "--live")
        assert answer["facts"] == {
            "caller_rate": {"attempts": 1, "window": 3600.0},
            "consent": {"unknown": "no_index"},
            "score": {"points": 0.0},
            "callee_calls": {"times": []},
        }
        ringfence("consent", "add", "+861000005001", "--holder", "Example Marketing")
        facts = explained(ringfence, *call, "--live")["facts"]
        assert facts["consent"] == {"granted": True, "refused": None, "until": None, "wish": None}
        ringfence("score", "set", "+862100000001", "65")
        assert explained(ringfence, *call, "--live")["verdict"]["reason"] == "harassment_score.elevated"
        assert explained(ringfence, *call, "--live", "--score", "0")["verdict"]["action"] == "forward"
        assert explained(ringfence, *call, "--live", "--consent", "refused")["verdict"]["reason"] == "consent.refused"

    def test_whether_a_subscriber_roams_is_read_from_the_set(self, ringfence: Ringfence) -> None:
        call = ("--trunk", "abroad", "--from", "13800000001", *CALLEE)
        answer = explained(ringfence, *call, "--live")
        assert (answer["facts"]["roaming"], answer["verdict"]["reason"]) == (
            {"abroad": False}, "domestic_from_abroad.not_roaming",
        )  # fmt: skip
        ringfence("roaming", "add", "+8613800000001", "--config", SAMPLE)
        assert explained(ringfence, *call, "--live")["verdict"]["action"] == "forward"
        assert explained(ringfence, *call, "--live", "--at-home")["verdict"]["action"] == "reject"
        foreigner = explained(ringfence, "--trunk", "abroad", "--from", "+442079460001", *CALLEE, "--live")
        assert foreigner["facts"]["roaming"] == {"abroad": False}

    @pytest.mark.parametrize("source", ["none", "http"])
    def test_another_source_is_asked_where_it_is_set(self, ringfence: Ringfence, tmp_path: Path, source: str) -> None:
        file = tmp_path / "other.yaml"
        text = SAMPLE.read_text().replace("folder: ledger", f"folder: {SAMPLE.parent.absolute()}/ledger")
        text = text.replace("  source: redis", f"  source: {source}\n  url: http://127.0.0.1:9/")
        file.write_text(text)
        call = ("--trunk", "abroad", "--from", "13800000001", *CALLEE)
        done = ringfence("explain", "--json", "--config", file, *call, "--live")
        expected = {"none": "no_check", "http": "unreachable"}[source]
        assert json.loads(done.out)["facts"]["roaming"] == {"unknown": expected}
        done = ringfence(
            "explain", "--json", "--config", file, "--trunk", "abroad", "--from", "+441", *CALLEE, "--live"
        )
        assert json.loads(done.out)["facts"].get("roaming", {"abroad": False}) == {"abroad": False}

    def test_asking_counts_nothing_and_tells_what_the_call_path_would_get(self, ringfence: Ringfence) -> None:
        bundle = load_bundle(SAMPLE)
        trunk = bundle.ledger.trunks["callcentre"]
        caller, callee = bundle.numbering.read("+862100000001"), bundle.numbering.read("+861000005001")
        asyncio.run(_count(bundle, Call(trunk, caller, callee, at=time.time()), 3))
        call = ("--trunk", "callcentre", "--from", "+862100000001", *CALLEE, "--live")
        attempts = [explained(ringfence, *call)["facts"]["caller_rate"]["attempts"] for _ in range(2)]
        assert attempts == [4, 4]

    def test_who_withholds_the_number_is_asked_nothing_about(self, ringfence: Ringfence, tmp_path: Path) -> None:
        file = tmp_path / "lenient.yaml"
        text = SAMPLE.read_text().replace("folder: ledger", f"folder: {SAMPLE.parent.absolute()}/ledger")
        heavy, light = "points: 100\n    irregular_number", "points: 0\n    irregular_number"
        assert heavy in text
        file.write_text(text.replace(heavy, light))
        call = ("--trunk", "carrier", "--from", "anonymous", *CALLEE)
        done = ringfence("explain", "--json", "--config", file, *call, "--live")
        assert json.loads(done.out)["facts"] == {
            "caller_rate": {"unknown": "no_number"}, "score": {"unknown": "no_number"},
        }  # fmt: skip


def test_a_store_that_is_not_there_is_said(ringfence: Ringfence) -> None:
    done = ringfence("explain", "--trunk", "bank", "--from", "+861000000101", *CALLEE, "--live")
    assert done.code == 1
    assert "the store cannot be reached" in done.err


async def _count(bundle: Any, call: Call, times: int) -> None:
    """The call path's own question, as often as that."""
    settings = bundle.settings
    keys = store_keys(settings)
    place = store_place(settings.redis, settings.data_directory)
    lookups = Lookups(settings.redis, place, keys, bundle.pipeline.rate_window)
    await lookups.start()
    answers: asyncio.Queue[object] = asyncio.Queue()
    for ticket in range(times):
        lookups.submit([(ticket, call, frozenset({Need.CALLER_RATE}))], lambda _, facts: answers.put_nowait(facts))
        await answers.get()
    await lookups.close()
