import io
import json
import logging
import sys
from typing import Any

import pytest
import structlog

from ringfence.telemetry.log import configure
from ringfence.telemetry.settings import LoggingSettings


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def set_up(stream: io.StringIO, clock: Any = lambda: 0.0, **settings: Any) -> Any:
    configure(LoggingSettings(**settings), stream, clock)
    return structlog.get_logger("test")


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_where_nobody_watches() -> None:
    out = io.StringIO()
    set_up(out).info("reloaded", generation=7)
    (line,) = lines(out)
    assert (line["event"], line["generation"], line["level"]) == ("reloaded", 7, "info")
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize(("stream", "settings"), [(Terminal(), {}), (io.StringIO(), {"format": "human"})])
def test_human_on_a_terminal_or_when_asked(stream: io.StringIO, settings: dict[str, str]) -> None:
    set_up(stream, **settings).info("reloaded", generation=7)
    assert "reloaded" in stream.getvalue() and not stream.getvalue().startswith("{")


def test_json_on_a_terminal_when_asked() -> None:
    out = Terminal()
    set_up(out, format="json").info("x")
    assert lines(out)[0]["event"] == "x"


def test_levels() -> None:
    out = io.StringIO()
    log = set_up(out, level="warning")
    log.info("quiet")
    logging.getLogger("asyncio").info("quiet too")
    log.warning("loud")
    assert [line["event"] for line in lines(out)] == ["loud"]


def test_numbers_are_hidden_at_normal_level_only() -> None:
    out = io.StringIO()
    set_up(out).info("call", caller="+8613800138000")
    assert "13800138000" not in out.getvalue()
    out = io.StringIO()
    set_up(out, level="debug").debug("call", caller="+8613800138000", token="hidden")
    assert "13800138000" in out.getvalue() and "hidden" not in out.getvalue()


def test_a_flood_is_bounded_and_told_later() -> None:
    out, now = io.StringIO(), [0.0]
    log = set_up(out, clock=lambda: now[0])
    for number in range(1_000):
        log.warning("malformed message", source=number)
        log.info("not bounded")
    warnings = [line for line in lines(out) if line["level"] == "warning"]
    assert len(warnings) == 5
    now[0] = 10.0
    log.warning("malformed message", source=1)
    assert lines(out)[-1]["held_back"] == 995


def test_the_standard_librarys_log_looks_the_same_and_is_bounded_by_its_pattern() -> None:
    out = io.StringIO()
    set_up(out)
    library = logging.getLogger("asyncio")
    library.info("listening on %s", "13800138000")
    for number in range(100):
        library.error("call %d failed", number)
    try:
        raise ValueError("about 13800138000")
    except ValueError:
        library.exception("bad")
    told = lines(out)
    assert told[0]["event"] == "listening on [number]" and told[0]["level"] == "info"
    assert sum(line["event"].startswith("call ") for line in told) == 5
    assert "ValueError: about [number]" in told[-1]["exception"]


def test_exceptions_carry_their_trace_without_numbers() -> None:
    out = io.StringIO()
    log = set_up(out)
    try:
        raise ValueError("about 13800138000")
    except ValueError:
        log.exception("bad")
    (line,) = lines(out)
    assert "ValueError: about [number]" in line["exception"] and "Traceback" in line["exception"]


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LoggingSettings(format="json"))
    structlog.get_logger().error("to stderr", path=sys)
    captured = capsys.readouterr()
    assert captured.out == "" and "to stderr" in captured.err


def test_the_lines_of_all_workers_are_told_apart() -> None:
    out = io.StringIO()
    configure(LoggingSettings(), out, worker=3)
    structlog.get_logger("test").info("store connected")
    logging.getLogger("asyncio").warning("slow")
    assert [(line["event"], line["worker"]) for line in lines(out)] == [("store connected", 3), ("slow", 3)]
