"""Files: each bad line is told, none is lost, a broken import goes on, and the same file twice is once."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ringfence.numbering import Numbering
from ringfence.numbering.settings import NumberingSettings
from ringfence.registry import importing
from ringfence.registry.actors import Actor
from ringfence.registry.columns import FileKind, Reader
from ringfence.registry.errors import BadStatement, Forbidden, RegistryError
from ringfence.registry.importing import Import, Progress, export_wishes
from ringfence.registry.register import Registry
from ringfence.registry.verify import verify

SHANGHAI = ZoneInfo("Asia/Shanghai")
GOOD = "callee,holder,given_at,until,sector,reference\n"


def number(text: str) -> str:
    value = Numbering(NumberingSettings()).read(text).value
    if not value:
        raise BadStatement("callee", "is no number that the plan reads")
    return value


async def no_files(name: str) -> str:
    raise BadStatement("evidence", "there is no folder of files")


READER = Reader(number, no_files, SHANGHAI)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return tmp_path / "report.csv"


def told(report: Path) -> list[tuple[str, str, str]]:
    with report.open(newline="") as source:
        header, *rows = csv.reader(source)
    assert header == ["line", "column", "reason"]
    return [(line, column, reason) for line, column, reason in rows]


def written(tmp_path: Path, text: str | bytes, name: str = "in.csv") -> Path:
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


BAD_LINES: list[tuple[FileKind, str, str, str, str]] = [
    ("consents", GOOD, "not a number,Bank,2024-01-01,,,1", "callee", "is no number that the plan reads"),
    ("consents", GOOD, ",Bank,2024-01-01,,,1", "callee", "is empty"),
    ("consents", GOOD, "13000005001,*,2024-01-01,,,1", "holder", "is a name, without blanks around it"),
    ("consents", GOOD, "13000005001,Bank,1 January,,,1", "given_at", "a date is written 2027-06-30, a time 2027-06-30T12:00 or 2027-06-30T12:00+08:00"),
    ("consents", GOOD, "13000005001,Bank,2093-01-01,,,1", "since", "is in the future"),
    ("consents", GOOD, "13000005001,Bank,2024-01-02,2024-01-01,,1", "until", "ends before it begins"),
    ("consents", GOOD, "13000005001,Bank,2024-01-01,,gambling,1", "sector", "there are: finance, insurance, real_estate, healthcare, recruitment, travel, education, retail, telecom, other"),
    ("consents", GOOD, "13000005001,Bank,2024-01-01,,", "", "has 5 cells, and the header 6"),
    ("consents", GOOD, '13000005001,"Ba"nk,2024-01-01,,,1', "", "is no CSV record: ',' expected after '\"'"),
    ("consents", GOOD, '13000005001,"Bank,2024-01-01,,,1', "", "is no CSV record: unexpected end of data"),
    ("consents", "callee,holder,given_at,evidence\n", "13000005001,Bank,2024-01-01,form.pdf", "evidence", "there is no folder of files"),
    ("refusals", "callee,scope,since\n", "13000005001,everybody,2024-01-01", "scope", "is `*`, `sector:NAME` or `holder:NAME`"),
    ("wishes", "callee,level,industries,since\n", "13000005001,some,,2024-01-01", "level", "there are: all, industries, none"),
    ("wishes", "callee,level,industries,since\n", "13000005001,all,travel,2024-01-01", "industries", "are named for the level `industries`, and for no other"),
    ("wishes", "callee,level,since,channel\n", "13000005001,all,2024-01-01,pigeon", "channel", "there are: web, app, sms, voice, paper, in_person, import, operator"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "header", "line", "column", "reason"), BAD_LINES)
async def test_a_bad_line_is_told(
    registry: Registry,
    operator: Actor,
    tmp_path: Path,
    report: Path,
    kind: FileKind,
    header: str,
    line: str,
    column: str,
    reason: str,
) -> None:
    file = written(tmp_path, header + line + "\n")
    done = await Import(registry, kind, operator, READER, report).run(file)
    assert told(report) == [("2", column, reason)]
    assert (done.recorded, done.bad) == (0, 1)


async def test_what_is_good_is_recorded_around_what_is_bad(
    registry: Registry, operator: Actor, tmp_path: Path, report: Path
) -> None:
    lines = [
        b"\xef\xbb\xbf" + GOOD.encode(),
        b"130-0000-5001,Bank,2024-01-01,2199-12-31,finance,1\r\n",
        b"\xff\xfe,Bank,2024-01-01,,,1\n",
        b"x" * 40_000 + b"\n",
        b"\n",
        b'+8613000005002,"Bank, of China",2024-01-01T12:00+08:00,,,1\n',
        b"013000005001,Bank,2024-01-01,2199-12-31,finance,1",
    ]
    done = await Import(registry, "consents", operator, READER, report).run(written(tmp_path, b"".join(lines)))
    assert done == Progress(sum(map(len, lines)), 7, 2, 1, 2)
    assert told(report) == [("3", "", "is not UTF-8"), ("4", "", "the line is over 16384 bytes")]
    (one,) = await registry.said("+8613000005001", operator)
    assert (one.statement.since, one.statement.until) == (1704038400, 7258089600)
    (two,) = await registry.said("+8613000005002", operator)
    assert (two.statement.holder, two.statement.since) == ("Bank, of China", 1704081600)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("callee,holder\n", "in.csv:1: given_at: this column is missing"),
        ("callee,holder,given_at,untill\n", "in.csv:1: untill: is no column of consents; there are: callee, holder"),
        ("callee,holder,given_at,holder\n", "in.csv:1: holder: stands twice"),
        ("", "in.csv:1: callee: this column is missing"),
        ("\xff", "in.csv:1: "),
    ],
)
async def test_a_wrong_header_refuses_the_file(
    registry: Registry, operator: Actor, tmp_path: Path, report: Path, header: str, message: str
) -> None:
    with pytest.raises(RegistryError, match=message):
        await Import(registry, "consents", operator, READER, report).run(written(tmp_path, header.encode("latin-1")))
    assert not report.exists()
    with pytest.raises(RegistryError, match="No such file"):
        await Import(registry, "consents", operator, READER, report).run(tmp_path / "nowhere.csv")


async def test_a_broken_import_goes_on_where_it_stopped(
    registry: Registry, operator: Actor, tmp_path: Path, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 10)
    rows = [
        f"+86130000{place:05},holder:Bank,2024-01-01\n" if place % 7 else f"bad {place},*,2024-01-01\n"
        for place in range(95)
    ]
    file = written(tmp_path, "callee,scope,since\n" + "".join(rows))
    batches: list[Progress] = []

    def stop_in_the_fourth(done: Progress, size: int) -> None:
        batches.append(done)
        if len(batches) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await Import(registry, "refusals", operator, READER, report, stop_in_the_fourth).run(file)
    # As if it had been killed between telling the bad lines of a batch and the batch's commit.
    with report.open("a") as target:
        target.write("43,callee,told too early\r\n")
    again: list[Progress] = []
    done = await Import(registry, "refusals", operator, READER, report, lambda one, size: again.append(one)).run(file)
    assert (len(batches), len(again)) == (4, 6)
    assert done == Progress(file.stat().st_size, 96, 81, 0, 14)
    assert [int(line) for line, _, _ in told(report)] == [place + 2 for place in range(0, 95, 7)]
    assert (await verify(registry, None)).statements == 81
    # Once more: all of it is done. Under another name with a line more: what is known is not recorded again.
    assert await Import(registry, "refusals", operator, READER, report).run(file) == done
    longer = written(tmp_path, file.read_text() + "+8613000005001,*,2024-01-01\n", "longer.csv")
    assert (await Import(registry, "refusals", operator, READER, report).run(longer))[2:] == (1, 81, 14)


async def test_a_holder_imports_only_for_itself(
    registry: Registry, bank: Actor, auditor: Actor, tmp_path: Path, report: Path
) -> None:
    text = GOOD + "13000005001,Bank,2024-01-01,,,1\n13000005001,Shop,2024-01-01,,,1\n"
    done = await Import(registry, "consents", bank, READER, report).run(written(tmp_path, text))
    assert (done.recorded, done.bad) == (1, 1)
    assert told(report) == [("3", "holder", "a holder records and ends only what concerns itself")]
    with pytest.raises(Forbidden):
        await Import(registry, "consents", auditor, READER, report).run(written(tmp_path, text))


async def test_wishes_go_out_as_they_came_in(
    registry: Registry, operator: Actor, bank: Actor, tmp_path: Path, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "_PAGE", 1)
    text = (
        "callee,level,industries,since,channel\r\n"
        "+8613000005001,all,,2024-01-01T00:00:00+08:00,sms\r\n"
        "+8613000005002,industries,finance;travel,2024-01-02T00:00:00+08:00,app\r\n"
        "+8613000005003,none,,2024-01-03T00:00:00+08:00,web\r\n"
    )
    older = "callee,level,industries,since\n13000005001,industries,travel,2023-12-31\n13000005003,all,,2024-01-02\n"
    await Import(registry, "wishes", operator, READER, report).run(written(tmp_path, text))
    await Import(registry, "wishes", operator, READER, report).run(written(tmp_path, older))
    target = io.StringIO(newline="")
    assert await export_wishes(registry, operator, target, SHANGHAI) == 3
    assert target.getvalue() == text
    with pytest.raises(Forbidden):
        await export_wishes(registry, bank, target, SHANGHAI)
