"""Calls found in ClickHouse are told as those found on disk, and nobody there reads a number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from tests.cli.command import SAMPLE, Ringfence
from tests.clickhouse.conftest import Bench, History, Server
from tests.support.clickhouse_server import KEY
from tests.support.stage import OTHER_TRUNK

from ringfence.clickhouse.errors import ClickHouseError
from ringfence.clickhouse.lookup import FoundCall, Wanted, find
from ringfence.clickhouse.sealing import Sealer, open_sealer
from ringfence.clickhouse.tables import ddl, masked
from ringfence.warehouse.library import Library, Question

ALICE, BOB, CAROL = "+8613900000001", "+8613900000002", "+8613900000003"
BANK, STRANGE = "+861012345678", "+862112345678"
EVER = (0, 2**62)


async def asked(
    bench: Bench, caller: str = "", callee: str = "", limit: int = 100, when: tuple[int, int] = EVER
) -> list[FoundCall]:
    return await find(bench.client, bench.settings.database, bench.sealer, Wanted(caller, callee, *when), limit)


@pytest.fixture
async def filled(bench: Bench, history: History) -> Bench:
    history.call(ALICE, talk=60)
    history.call(BOB, talk=5)
    history.hour()
    history.call(ALICE, number="+861099999999", asserted=BANK)
    history.call(ALICE, number=STRANGE, source=OTHER_TRUNK)
    history.call(CAROL, talk=5 * 3600)
    history.close()
    await bench.fed()
    return bench


async def test_by_caller_callee_both_and_time(filled: Bench) -> None:
    library = Library(filled.folder)
    for caller, callee in (
        (BANK, ""),
        ("", ALICE),
        (BANK, ALICE),
        (STRANGE, ""),
        ("+861099999999", ALICE),
        (STRANGE, BOB),
    ):
        told = [library.told(*found) for found in library.find(Question(caller or None, callee or None))]
        assert [tuple(call)[1:] for call in await asked(filled, caller, callee)] == [tuple(story) for story in told]
    calls = await asked(filled, callee=ALICE)
    assert len(calls) == 3
    assert len(await asked(filled, callee=ALICE, limit=2)) == 2
    at = int(calls[2].decision["at"])
    assert len(await asked(filled, callee=ALICE, when=(at, at))) == 1
    assert await asked(filled, callee=ALICE, when=(at - 10, at - 1)) == []
    (ended,) = await asked(filled, callee=CAROL)
    assert ended.outcome is not None and ended.end is not None and ended.end["talk_ms"] == str(5 * 3600 * 1000)


async def test_found_once_though_fed_twice(filled: Bench) -> None:
    before = await asked(filled, callee=ALICE)
    (filled.folder / "clickhouse.place").unlink()
    await filled.fed()
    assert await asked(filled, callee=ALICE) == before


async def test_an_end_from_behind_a_restart(bench: Bench, history: History) -> None:
    call_id = history.call(ALICE, talk=60)
    history.close()
    path = next(history.folder.glob("*.rec"))
    sequence = json.loads(json.dumps(Library(history.folder).find(Question(callee=ALICE))[0][0]))
    await bench.fed()
    # What the daemon that was started meanwhile writes of the BYE: no decision's number, only the Call-ID.
    database = bench.settings.database
    await bench.client.run(f"DELETE FROM {database}.records WHERE kind = 'end'")
    assert (await asked(bench, callee=ALICE))[0].end is None
    from ringfence.clickhouse.tables import row_of

    decision = (await asked(bench, callee=ALICE))[0].decision
    body = f"E\n{int(decision['at']) + 90_000_000}\n0\n{call_id}\n-1\ncallee\n\nbank".encode()
    row = row_of("node1", 0, sequence + 50, body, bench.sealer)
    other = row_of("node1", 0, sequence + 51, body.replace(call_id.encode(), b"another"), bench.sealer)
    assert row is not None and other is not None
    await bench.client.insert(f"{database}.records", [row, other])
    (call,) = await asked(bench, callee=ALICE)
    assert call.end is not None and call.end["released"] == "callee"
    assert path.exists()


async def test_nobody_there_reads_a_number(filled: Bench) -> None:
    for row in [*await filled.rows("SELECT * FROM records"), *await filled.rows("SELECT * FROM numbers")]:
        text = json.dumps(row)
        assert not any(number[-8:] in text for number in (ALICE, BOB, CAROL, BANK, STRANGE))
    row = (
        await filled.rows(
            "SELECT caller_masked, callee_masked, trunk FROM records WHERE kind = 'decision' ORDER BY at LIMIT 1"
        )
    )[0]
    assert row == {"caller_masked": "+8610*****678", "callee_masked": "+8613******001", "trunk": "bank"}


async def test_keys_that_change_and_rows_that_do(filled: Bench) -> None:
    old = filled.sealer
    filled.sealer = Sealer([b"2" * 32, b"1" * 32])
    assert len(await asked(filled, callee=ALICE)) == 3
    filled.sealer = Sealer([b"2" * 32])
    assert await asked(filled, callee=ALICE) == []
    with pytest.raises(ClickHouseError, match=r"not in clickhouse\.key_file"):
        filled.sealer.open(old.seal(b"x", b"tie"), b"tie")
    with pytest.raises(ClickHouseError, match="changed or damaged"):
        old.open(old.seal(b"x", b"tie"), b"another row's")


def test_the_key_file(tmp_path: Path) -> None:
    made = open_sealer(None, tmp_path)
    assert open_sealer(None, tmp_path).open(made.seal(b"body", b"tie"), b"tie") == b"body"
    assert (tmp_path / "keys/clickhouse.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "odd").write_text("not a key\n")
    with pytest.raises(ClickHouseError, match=r"odd:1: clickhouse\.key_file"):
        open_sealer(tmp_path / "odd", tmp_path)


@pytest.mark.parametrize(
    ("number", "shown"), [("110", "110"), ("+8613900000001", "+8613******001"), ("95000123", "9500*123"), ("", "")]
)
def test_masked(number: str, shown: str) -> None:
    assert masked(number) == shown


def test_on_the_command_line(
    settings: object, server: Server, history: History, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ringfence = Ringfence(capsys)
    history.call(ALICE, talk=60)
    history.close()
    history.folder.rename(data / "records")
    written = yaml.safe_load(SAMPLE.read_text())
    written["ledger"]["folder"] = str(SAMPLE.parent.absolute() / "ledger")
    (tmp_path / "password").write_text(KEY)
    written["clickhouse"] = {
        "url": server.url, "database": "commands", "user": "feeder", "password_file": "password", "keep": "3650d",
    }  # fmt: skip
    config = tmp_path / "ringfence.yaml"
    config.write_text(yaml.safe_dump(written))
    printed = ringfence("clickhouse", "schema", "--config", config).out
    assert printed == ";\n\n".join(ddl("commands", 3650 * 86_400)) + ";\n"
    done = ringfence("clickhouse", "feed", "--config", config)
    assert done.code == 0, done.err
    there = ringfence("trace", "--callee", ALICE, "--config", config, "--json")
    here = ringfence("trace", "--callee", ALICE, "--config", config, "--folder", data / "records", "--json")
    assert there.code == 0 and json.loads(there.out) == json.loads(here.out) != []
    looks = [json.loads(line) for line in (data / "records/access.log").read_text().splitlines()]
    assert [look["found"] for look in looks] == [1, 1]
    assert ringfence("trace", "--callee", BOB, "--config", config).code == 1
    done = ringfence("clickhouse", "feed", "--config", SAMPLE)
    assert (done.code, done.err) == (1, "clickhouse.url is not set\n")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("RINGFENCE_DATA_DIRECTORY", str(folder))
    return folder
