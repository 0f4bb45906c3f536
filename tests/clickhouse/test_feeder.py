"""Every record at least once and none lost, whatever happens between the spool and ClickHouse."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.clickhouse.conftest import Bench, History, Server
from tests.support.stage import OTHER_TRUNK
from tests.warehouse.conftest import RING

from ringfence.clickhouse import feeder as room
from ringfence.clickhouse import tail as tail_room
from ringfence.clickhouse.client import Client
from ringfence.clickhouse.errors import ClickHouseError
from ringfence.clickhouse.settings import ClickHouseSettings
from ringfence.clickhouse.tail import End, Tail
from ringfence.records.keys import KeyRing
from ringfence.records.settings import RetentionSettings
from ringfence.warehouse.classes import CLASSES
from ringfence.warehouse.keeping import index_all
from ringfence.warehouse.process import main as indexing
from ringfence.warehouse.retention import keep_to

EVER = json.dumps({"retention": dict.fromkeys(CLASSES, "36500d")})
ALICE, BOB = "+8613900000001", "+8613900000002"


def some_hours(history: History) -> None:
    """Twelve records that are calls', in three segments: four answered calls."""
    for _ in range(2):
        history.call(ALICE, talk=60)
        history.call(BOB, number="+862112345678", source=OTHER_TRUNK, talk=5)
        history.hour()


def sequences(rows: list[dict[str, object]]) -> list[int]:
    return [int(str(row["sequence"])) for row in rows]


async def test_all_records_of_all_segments(bench: Bench, history: History) -> None:
    some_hours(history)
    feeder = await bench.fed()
    assert await bench.count() == 12
    assert feeder.stats() == {"inserted": 12, "failures": 0, "behind": 0, "behind_seconds": 0.0, "damaged": 0}
    history.call(BOB)
    history.flush()
    await bench.fed(feeder)
    assert await bench.count() == 13
    history.close()
    assert (await bench.fed(bench.feeder())).inserted == 0
    kinds = await bench.rows("SELECT kind, count() AS n FROM records FINAL GROUP BY kind ORDER BY kind")
    assert [(row["kind"], int(row["n"])) for row in kinds] == [("decision", 5), ("outcome", 4), ("end", 4)]


async def test_segments_that_the_indexing_process_has_been_at(bench: Bench, history: History) -> None:
    """It may be done with a segment long before ClickHouse is there: whatever it makes of it must still be fed."""
    some_hours(history)
    history.close()
    with pytest.raises(SystemExit):
        indexing(["--data-directory", str(history.folder.parent), "--once", "--records", EVER])
    assert len(list(history.folder.glob("*.vault"))) == 2 and not list(history.folder.glob("*.rec"))
    feeder = await bench.fed()
    assert await bench.count() == 12
    assert feeder.stats()["damaged"] == 0


def test_a_place_stands_while_its_segment_is_encrypted_and_thinned(history: History) -> None:
    """What was read once does not come again, and what retention takes out is missing and no damage."""
    for number, talk in ((ALICE, 60), (BOB, 0), (ALICE, 0), (BOB, 0)):
        history.call(number, talk=talk)
    refused = history.call(ALICE, number="+8613700000000")
    history.call(BOB, talk=5)
    history.close()
    tail = Tail(history.folder, 1, lambda: RING)
    assert [found.sequence for found in tail.read(1)] == [1]
    (path,) = history.folder.glob("*.rec")
    index_all(history.folder, RING)
    assert not path.exists()
    assert [found.sequence for found in tail.read(1)] == [2, 3]  # one block
    keep_to(RetentionSettings(forwarded=1e9, rejected=3600.0), history.folder, history.clock + 1e6, RING)
    left = tail.read(100)
    assert [found.sequence for found in left] == [4, 5, 6, 8, 9, 10]
    assert not any(refused.encode() in found.body for found in left)
    assert tail.damaged == set() and tail.next == End(history.folder).next() == 11


def test_encrypted_segments_without_their_key(history: History) -> None:
    history.call(ALICE)
    history.close()
    index_all(history.folder, RING)
    for keys, why in ((None, "no key was given"), (lambda: KeyRing([b"2" * 32]), "not in records.key_file")):
        with pytest.raises(ClickHouseError, match=why):
            Tail(history.folder, 1, keys).read(10)
    assert End(history.folder).next() == 2
    (vault,) = history.folder.glob("*.vault")
    data = bytearray(vault.read_bytes())
    data[len(data) // 3] ^= 1
    vault.write_bytes(data)
    tail = Tail(history.folder, 1, lambda: RING)
    assert tail.read(10) == [] and tail.damaged == {vault.stem}


async def test_what_comes_twice_is_there_once(bench: Bench, history: History) -> None:
    some_hours(history)
    await bench.fed()
    numbers = await bench.count("numbers FINAL")
    (bench.folder / room.PLACE).unlink()
    assert (await bench.fed()).inserted == 12
    assert await bench.count() == 12
    assert await bench.count("numbers FINAL") == numbers == 8
    await bench.client.run(f"OPTIMIZE TABLE {bench.settings.database}.records FINAL")
    assert await bench.count("records") == 12


async def test_an_insertion_whose_place_was_not_kept(
    bench: Bench, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_hours(history)
    feeder = bench.feeder()
    await feeder.step()
    with monkeypatch.context() as patch:
        patch.setattr(room.Path, "replace", _refused)
        with pytest.raises(ClickHouseError, match="cannot be written"):
            await feeder.step()
    assert feeder.failures == 1
    await bench.fed()  # as after a crash: another one goes on from the place on disk
    rows = await bench.rows("SELECT sequence FROM records FINAL ORDER BY sequence")
    assert sequences(rows) == sorted({*sequences(rows)}) and len(rows) == 12


def _refused(*_: object) -> None:
    raise OSError(28, "No space left on device")


async def test_a_server_that_is_away(bench: Bench, history: History, server: Server) -> None:
    some_hours(history)
    feeder = bench.feeder()
    await feeder.step()
    server.stop()
    try:
        for _ in range(2):
            with pytest.raises(ClickHouseError, match="cannot be reached"):
                await feeder.step()
        told = feeder.stats()
        assert (told["failures"], told["inserted"], told["behind"]) == (2, 4, 8)
        assert told["behind_seconds"] > 3600
        history.call(BOB)
        history.flush()
        assert feeder.stats()["behind"] == 9
    finally:
        server.start()
    await bench.fed(feeder)
    assert await bench.count() == 13
    assert feeder.stats()["behind_seconds"] == 0.0


async def test_a_server_that_refuses(bench: Bench, history: History, tmp_path: Path) -> None:
    some_hours(history)
    wrong = tmp_path / "wrong"
    wrong.write_text("no password of anybody's")
    async with Client(bench.settings.model_copy(update={"password_file": wrong})) as client:
        with pytest.raises(ClickHouseError, match="answers 403: Code: 516"):
            await Bench(client, bench.settings, bench.folder).feeder().step()
    with pytest.raises(ClickHouseError, match="answers 500: Code: 81") as raised:
        await bench.feeder(create=False).step()
    assert "+86" not in str(raised.value)
    with pytest.raises(ClickHouseError, match="cannot be read"):
        Client(bench.settings.model_copy(update={"password_file": tmp_path / "none"}))
    with pytest.raises(ClickHouseError, match="NOBODY_SET_THIS is not set"):
        Client(bench.settings.model_copy(update={"password_file": None, "password_env": "NOBODY_SET_THIS"}))


async def test_a_folder_that_begins_anew_and_a_place_that_is_damaged(bench: Bench, history: History) -> None:
    some_hours(history)
    await bench.fed()
    for path in bench.folder.glob("*.rec"):
        path.unlink()
    for path in bench.folder.glob("*.open"):
        path.unlink()
    assert End(bench.folder).next() == 1
    again = History(bench.folder.parent / "again")
    again.clock = history.clock + 60
    again.call(ALICE, talk=5)
    again.close()
    for path in again.folder.glob("*.rec"):
        path.rename(bench.folder / path.name)
    await bench.fed()
    assert await bench.count() == 15  # the same sequence numbers, and nobody's records are written over
    (bench.folder / room.PLACE).write_text("{}")
    with pytest.raises(ClickHouseError, match="delete it to feed all records anew"):
        bench.feeder()
    (bench.folder / room.PLACE).write_text('{"next": 99, "to": "http://elsewhere/x"}')
    assert bench.feeder()._tail.next == 1


def test_only_what_is_safe_is_read_and_every_block_once(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    now = history.clock + 10
    monkeypatch.setattr(tail_room.time, "time", lambda: now)
    tail = Tail(history.folder, 1)
    seen = []
    for _number in range(5):
        history.call(ALICE)
        history.clock += 1
        seen.append([found.sequence for found in tail.read(100)])
    assert seen == [[1], [2], [3], [4], [5]]
    history.clock = now - tail_room.SAFE + 0.1
    history.call(BOB)
    assert tail.read(100) == [] and tail.waiting > 0
    now += 1
    assert [found.sequence for found in tail.read(100)] == [6]
    assert tail.waiting == 0 and End(history.folder).next() == 7


def test_a_damaged_segment_is_told_and_the_next_one_read(history: History) -> None:
    some_hours(history)
    history.close()
    _, second = sorted(history.folder.glob("*.rec"))
    data = bytearray(second.read_bytes())
    data[-200] ^= 1
    second.write_bytes(data)
    tail = Tail(history.folder, 1)
    found = [each.sequence for each in tail.read(1000)]
    assert tail.damaged == {second.stem}
    assert found[0] == 1 and len(found) < End(history.folder).next() - 1
    data[:100] = os.urandom(100)
    second.write_bytes(data)
    tail = Tail(history.folder, 1)
    assert [each.sequence for each in tail.read(1000)][:6] == [1, 2, 3, 4, 5, 6]
    assert tail.damaged == {second.stem}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"url": "clickhouse.example.net"}, "http://host:port or https"),
        ({"url": "https://a:b@clickhouse.example.net"}, "no user and no password in url"),
        ({"url": "http://c/?database=x"}, "http://host:port or https"),
        ({"database": "a; DROP TABLE b"}, "pattern"),
        ({"password_file": "a", "password_env": "b"}, "exclude"),
    ],
)
def test_settings_that_make_no_sense(given: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ClickHouseSettings.model_validate(given)
