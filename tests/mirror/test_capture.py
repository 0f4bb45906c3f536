import stat
import time
from pathlib import Path

import pytest
from tests.support.talk import BANK_NUMBER, CALLEE, invite

from ringfence.mirror import capture as room
from ringfence.mirror.capture import Captures, Held, Order
from ringfence.mirror.frames import Message

OURS = [("udp", ("198.51.100.99", 5060)), ("tls", ("2001:db8::99", 5061))]
DECISION = {"caller": BANK_NUMBER, "shown": BANK_NUMBER, "callee": CALLEE}


@pytest.fixture
def captures() -> Captures:
    return Captures(OURS)


def order(folder: Path, **more: object) -> Order:
    given = {
        "name": "one",
        "trunk": "",
        "number": "",
        "seconds": 60.0,
        "most": 10**6,
        "file": str(folder / "sub/one.pcapng"),
    }
    return Order(**(given | more))  # type: ignore[arg-type]


def message(call: str, name: str = "bank", sent: bool = False) -> tuple[Message, bytes]:
    data = invite(call_id=call)
    return Message(1_795_866_123_456_789, sent, 0, "192.0.2.1", 5060, name, data), call.encode()


def test_the_file_is_its_owners_alone_and_nobody_elses_is_written_over(captures: Captures, tmp_path: Path) -> None:
    captures.start(order(tmp_path, trunk="bank"))
    file = tmp_path / "sub/one.pcapng"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    with pytest.raises(FileExistsError):
        captures.start(order(tmp_path, name="two", trunk="bank"))


def test_a_trunks_calls_on_both_sides(captures: Captures, tmp_path: Path) -> None:
    captures.start(order(tmp_path, trunk="bank"))
    for one in (
        message("a"),
        message("a", "softswitch", sent=True),
        message("b", "callcentre"),
        message("b", "softswitch"),
        message("", "bank"),
    ):
        captures.message(*one)
    assert captures.plain()["one"]["messages"] == 3


def test_a_numbers_calls_with_what_went_before_the_decision(captures: Captures, tmp_path: Path) -> None:
    captures.start(order(tmp_path, number=CALLEE))
    captures.message(*message("a"))
    captures.message(*message("b"))
    captures.message(*message("a", sent=True))
    assert captures.plain()["one"]["messages"] == 0
    captures.decided({**DECISION, "callee": "+8613900002000"}, b"b")
    captures.decided(DECISION, b"a")
    captures.decided(DECISION, b"a")
    assert captures.plain()["one"]["messages"] == 2
    captures.message(*message("a", "softswitch", sent=True))
    captures.message(*message("b", "softswitch", sent=True))
    assert captures.plain()["one"]["messages"] == 3


def test_its_size_ends_it(captures: Captures, tmp_path: Path) -> None:
    captures.start(order(tmp_path, trunk="bank", most=65_536))
    for number in range(500):
        captures.message(*message(str(number)))
    told = captures.plain()["one"]
    assert told["state"] == "full"
    assert 60_000 < told["bytes"] == (tmp_path / "sub/one.pcapng").stat().st_size <= 65_536


def test_its_time_ends_it(captures: Captures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captures.start(order(tmp_path, trunk="bank", seconds=5.0))
    captures.tick()
    assert captures.plain()["one"]["state"] == "running"
    now = time.monotonic()
    captures.message(*message("a"))
    monkeypatch.setattr(room.time, "monotonic", lambda: now + 5.1)
    captures.message(*message("a"))
    captures.tick()
    assert captures.plain()["one"] == {"state": "done", "messages": 1, "bytes": captures.plain()["one"]["bytes"]}


def test_a_disk_that_refuses_ends_it(captures: Captures, tmp_path: Path) -> None:
    (tmp_path / "full.pcapng").symlink_to("/dev/full")
    with pytest.raises(OSError):
        captures.start(order(tmp_path, file=str(tmp_path / "full.pcapng"), trunk="bank"))
    captures.start(order(tmp_path, trunk="bank"))
    (running,) = captures._running
    running._file.close()
    running._writer._file = running._file = Path("/dev/full").open("wb")  # noqa: SIM115
    for _ in range(50):
        captures.message(*message("a"))
    captures.tick()
    assert captures.plain()["one"]["state"] == "failed: No space left on device"


def test_ended_captures_are_not_remembered_for_ever(captures: Captures, tmp_path: Path) -> None:
    for number in range(room.MOST_LISTED + 20):
        captures.start(order(tmp_path, name=str(number), trunk="bank", file=str(tmp_path / str(number))))
        captures.stop(str(number))
    assert len(captures.plain()) == room.MOST_LISTED


def test_calls_followed_are_bounded(captures: Captures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_CALLS", 2)
    captures.start(order(tmp_path, trunk="bank"))
    for call in "abc":
        captures.message(*message(call))
    for call in "abc":
        captures.message(*message(call, "softswitch"))
    assert captures.plain()["one"]["messages"] == 5


def test_messages_held_are_bounded_by_time_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Held()
    one, call = message("a")
    held.put(call, one, 0.0)
    held.put(call, one, 1.0)
    assert len(held.of(b"a")) == 2
    held.put(b"b", one, room.HELD_SECONDS + 0.5)
    assert (len(held.of(b"a")), len(held.of(b"b"))) == (1, 1)
    monkeypatch.setattr(room, "HELD_BYTES", len(one.data))
    held.put(b"c", one, room.HELD_SECONDS + 0.6)
    assert (held.of(b"a"), held.of(b"b"), len(held.of(b"c"))) == ([], [], 1)
