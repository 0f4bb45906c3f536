"""SIPp as caller and as softswitch: started bounded in calls and time, judged by its own statistics."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from tests.support.net import bound, split
from tests.support.process import Process

SCENARIOS = Path(__file__).parents[1] / "e2e" / "peers"


@dataclass(frozen=True)
class Statistics:
    """What one SIPp counted over its whole run.

    unexpected: messages that its scenario did not ask for, in a call, after it or outside every call.
    resent: requests and responses that it sent again. status: its exit status, 0 when every call succeeded.
    """

    status: int
    created: int
    successful: int
    failed: int
    unexpected: int
    resent: int


class Sipp:
    """One running SIPp. Its folder keeps what it printed, its errors and its statistics."""

    def __init__(
        self,
        binary: Path,
        scenario: str,
        folder: Path,
        *,
        here: str,
        remote: str | None = None,
        calls: int = 1,
        rate: int = 100,
        transport: str = "u1",
        caller: str = "+8613800001000",
        callee: str = "+8613900001000",
        values: Mapping[str, str] | None = None,
        seconds: int = 30,
    ) -> None:
        """Start it.

        here, remote: `host:port`; without remote it waits for calls. calls: it ends after so many.
        values: text for the scenario's {{NAME}}s; PATTERN is an extended regular expression (regex(7)). seconds: it fails when it has not ended by then.
        """
        folder.mkdir(parents=True, exist_ok=True)
        text = (SCENARIOS / f"{scenario}.xml").read_text()
        for name, value in (values or {}).items():
            text = text.replace("{{" + name + "}}", escape(value, {'"': "&quot;"}) if name == "PATTERN" else value)
        (folder / "scenario.xml").write_text(text)
        host, port = split(here)
        self._statistics = folder / "statistics.csv"
        self._seconds = seconds
        self.errors = folder / "errors.log"
        command: list[str | Path] = [binary, *([remote] if remote else []), "-sf", folder / "scenario.xml"]
        command += ["-i", host, "-p", str(port), "-t", transport, "-m", str(calls), "-r", str(rate), "-l", str(calls)]
        command += ["-s", callee, "-key", "caller", caller, "-timeout", str(seconds), "-timeout_error", "-nostdin"]
        command += ["-trace_msg", "-trace_stat", "-stf", self._statistics, "-trace_err", "-error_file", self.errors]
        self.process = Process(command, folder / "sipp.log", cwd=folder)
        if remote is None:
            self.process.wait_ready(lambda: bound(here, "tcp" if transport.startswith("t") else "udp"))

    def finish(self) -> Statistics:
        """Wait for its end. Raises Died when it neither ends nor times out by itself."""
        status = self.process.wait(self._seconds + 10)
        with self._statistics.open(newline="") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        return Statistics(
            status=status,
            created=int(last["TotalCallCreated"]),
            successful=int(last["SuccessfulCall(C)"]),
            failed=int(last["FailedCall(C)"]),
            unexpected=sum(
                int(last[name]) for name in ("FailedUnexpectedMessage(C)", "OutOfCallMsgs(C)", "DeadCallMsgs(C)")
            ),
            resent=int(last["Retransmissions(C)"]),
        )

    def stop(self) -> None:
        """End it now, wherever it is."""
        self.process.kill()

    def complaints(self) -> str:
        """What it found wrong, for the message of a failed assertion."""
        return self.errors.read_text(errors="replace")[:4000] if self.errors.exists() else self.process.tail()
