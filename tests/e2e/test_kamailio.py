"""Kamailio in front of the daemon, behind it, and on both sides; SIPp at the ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.calls import Ends, Side, play
from tests.support.daemon import Daemon, Settings
from tests.support.kamailio import start_kamailio
from tests.support.process import Process
from tests.support.settings import daemon_settings
from tests.support.sipp import SCENARIOS

pytestmark = pytest.mark.e2e

Start = Callable[[Settings, str], Daemon]
CALLS = [
    ("uac_basic", "uas_basic"),
    ("uac_bye_from_callee", "uas_bye"),
    ("uac_reinvite", "uas_reinvite"),
    ("uac_cancel", "uas_cancelled"),
    ("uac_cancel_race", "uas_cancel_race"),
]


@pytest.fixture
def relay(kamailio: Path, tmp_path: Path) -> Iterator[Callable[[str, str, str], None]]:
    """Starts Kamailios: `(config, listen, next hop)`."""
    running: list[Process] = []

    def start(config: str, listen: str, following: str) -> None:
        folder = tmp_path / config
        folder.mkdir()
        values = {"LISTEN": listen, "NEXT": following}
        running.append(start_kamailio(kamailio, SCENARIOS / f"{config}.cfg", folder, values))

    yield start
    for process in running:
        process.stop()


Relay = Callable[[str, str, str], None]


@pytest.mark.parametrize(("caller", "callee"), CALLS)
def test_behind_an_edge_proxy(
    caller: str, callee: str, ends: Ends, relay: Relay, ringfence_daemon: Start, sipp: Path, tmp_path: Path
) -> None:
    ringfence_daemon(daemon_settings(ends.proxy, ["127.0.0.5"], [ends.callee]), "127.0.0.5:0")
    relay("edge", ends.edge, ends.proxy)
    play(sipp, tmp_path, ends, Side(caller), Side(callee), calls=20, first_hop=ends.edge)


@pytest.mark.parametrize(("caller", "callee"), CALLS)
def test_in_front_of_a_softswitch(
    caller: str, callee: str, ends: Ends, relay: Relay, ringfence_daemon: Start, sipp: Path, tmp_path: Path
) -> None:
    relay("softswitch", ends.switch, ends.callee)
    ringfence_daemon(daemon_settings(ends.proxy, ["127.0.0.1"], [ends.switch]), ends.caller)
    play(sipp, tmp_path, ends, Side(caller), Side(callee), calls=20)


@pytest.mark.parametrize(("caller", "callee"), CALLS)
def test_between_both(
    caller: str, callee: str, ends: Ends, relay: Relay, ringfence_daemon: Start, sipp: Path, tmp_path: Path
) -> None:
    relay("softswitch", ends.switch, ends.callee)
    ringfence_daemon(daemon_settings(ends.proxy, ["127.0.0.5"], [ends.switch]), "127.0.0.5:0")
    relay("edge", ends.edge, ends.proxy)
    play(sipp, tmp_path, ends, Side(caller), Side(callee), calls=20, first_hop=ends.edge)


@pytest.mark.parametrize(
    ("number", "status", "pattern"),
    [
        ("+8613900000603", "603", "^SIP/2.0 603 Network Blocked.*Reason: Q.850;cause=21;text=.v=analytics1;"),
        ("+8613900000608", "608", "^SIP/2.0 608 Rejected"),
        ("+8613900000486", "486", "^SIP/2.0 486 Busy Here"),
    ],
)
def test_the_softswitches_refusals_reach_the_caller(
    number: str,
    status: str,
    pattern: str,
    ends: Ends,
    relay: Relay,
    ringfence_daemon: Start,
    sipp: Path,
    tmp_path: Path,
) -> None:
    relay("softswitch", ends.switch, ends.callee)
    ringfence_daemon(daemon_settings(ends.proxy, ["127.0.0.1"], [ends.switch]), ends.caller)
    side = Side("uac_refused", {"STATUS": status, "PATTERN": pattern})
    play(sipp, tmp_path, ends, side, None, calls=5, to=number)
