"""SIPp calls through the daemon: every kind of ending, failover, refusal, tags, and a thousand calls."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.calls import Ends, Side, assert_clean, play
from tests.support.daemon import Daemon, Settings
from tests.support.net import split
from tests.support.settings import NO_STORE, add_tcp, daemon_settings
from tests.support.sipp import Sipp

pytestmark = pytest.mark.e2e

Start = Callable[[Settings, str], Daemon]
NOBODY = "+8613700001000"  # outside the trunk's numbers


@pytest.fixture
def proxied(ends: Ends, ringfence_daemon: Start) -> Ends:
    """A daemon between the two ends."""
    ringfence_daemon(daemon_settings(ends.proxy, ["127.0.0.1"], [ends.callee]), ends.caller)
    return ends


@pytest.mark.parametrize(
    ("caller", "callee"),
    [
        ("uac_basic", "uas_basic"),
        ("uac_bye_from_callee", "uas_bye"),
        ("uac_reinvite", "uas_reinvite"),
        ("uac_cancel", "uas_cancelled"),
        ("uac_cancel_race", "uas_cancel_race"),
    ],
)
def test_calls_end_as_they_should(caller: str, callee: str, proxied: Ends, sipp: Path, tmp_path: Path) -> None:
    play(sipp, tmp_path, proxied, Side(caller), Side(callee), calls=20)


def test_a_thousand_calls_without_a_failure_or_an_unexpected_message(proxied: Ends, sipp: Path, tmp_path: Path) -> None:
    placed, taken = play(sipp, tmp_path, proxied, Side("uac_basic"), Side("uas_basic"), calls=1000, rate=200)
    assert taken is not None
    assert (placed.created, taken.created) == (1000, 1000)


@pytest.mark.parametrize(
    ("status", "phrase", "header"),
    [
        ("486", "Busy Here", "Retry-After: 5"),
        ("603", "Network Blocked", 'Reason: SIP;cause=603;text="v=analytics1;tel=+8610010";location=TN'),
        ("607", "Unwanted", "Server: softswitch"),
        ("608", "Rejected", "Call-Info: <https://example.net/608>;purpose=jwscard"),
    ],
)
def test_the_callees_refusal_comes_back_untouched(
    status: str, phrase: str, header: str, proxied: Ends, sipp: Path, tmp_path: Path
) -> None:
    pattern = f"^SIP/2.0 {status} {phrase}.*{header.replace('+', '[+]')}"
    values = {"STATUS": status, "PHRASE": phrase, "HEADER": header, "PATTERN": pattern}
    play(sipp, tmp_path, proxied, Side("uac_refused", values), Side("uas_refuses", values), calls=5)


def test_a_call_with_a_number_that_is_not_the_trunks_is_refused_and_never_forwarded(
    proxied: Ends, sipp: Path, tmp_path: Path
) -> None:
    side = Side("uac_refused", {"STATUS": "403", "PATTERN": "^SIP/2.0 403 Forbidden"})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as callee:
        callee.bind(split(proxied.callee))
        callee.setblocking(False)
        play(sipp, tmp_path, proxied, side, None, calls=5, number=NOBODY)
        with pytest.raises(BlockingIOError):
            callee.recv(65535)


@pytest.mark.parametrize(
    "pattern",
    ['From: "[[]Suspected[]] Caller" <sip:[+]86137', "P-Ringfence-Reason: caller_authorised[.]unknown_holder"],
)
def test_a_tagged_call_arrives_with_its_marks(
    pattern: str, ends: Ends, ringfence_daemon: Start, sipp: Path, tmp_path: Path
) -> None:
    rules = {**NO_STORE, "caller_authorised": {"mode": "enforce", "points": 60}}
    ringfence_daemon(daemon_settings(ends.proxy, ["127.0.0.1"], [ends.callee], rules), ends.caller)
    side = Side("uas_expects", {"PATTERN": pattern})
    play(sipp, tmp_path, ends, Side("uac_basic"), side, calls=5, number=NOBODY)


class TestFailover:
    """The first gateway fails in its own way; every call is taken by the second one."""

    def play(self, ends: Ends, start: Start, sipp: Path, folder: Path) -> None:
        settings = daemon_settings(ends.proxy, ["127.0.0.1"], [ends.second_callee, ends.callee])
        settings["gateways"]["default"] |= {"no_answer": "600ms", "hold_down": "0s"}
        start(settings, ends.caller)
        play(sipp, folder, ends, Side("uac_basic"), Side("uas_basic"), calls=5)

    def test_it_answers_503(self, ends: Ends, ringfence_daemon: Start, sipp: Path, tmp_path: Path) -> None:
        values = {"STATUS": "503", "PHRASE": "Service Unavailable", "HEADER": "Server: softswitch"}
        first = Sipp(sipp, "uas_refuses", tmp_path / "first", here=ends.second_callee, calls=5, values=values)
        try:
            self.play(ends, ringfence_daemon, sipp, tmp_path)
            assert_clean(first.finish(), first, 5)
        finally:
            first.stop()

    def test_it_is_silent(self, ends: Ends, ringfence_daemon: Start, sipp: Path, tmp_path: Path) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first:
            first.bind(split(ends.second_callee))
            self.play(ends, ringfence_daemon, sipp, tmp_path)
            assert first.recv(65535).startswith(b"INVITE ")

    def test_nobody_is_there(self, ends: Ends, ringfence_daemon: Start, sipp: Path, tmp_path: Path) -> None:
        self.play(ends, ringfence_daemon, sipp, tmp_path)


def test_a_caller_on_tcp_reaches_a_callee_on_udp(
    ends: Ends, ringfence_daemon: Start, sipp: Path, tmp_path: Path
) -> None:
    settings = daemon_settings(ends.proxy, ["127.0.0.1"], [ends.callee])
    add_tcp(settings)
    ringfence_daemon(settings, ends.caller)
    play(sipp, tmp_path, ends, Side("uac_reinvite", transport="t1"), Side("uas_reinvite"), calls=5)
