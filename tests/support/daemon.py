"""The real daemon, as an operator starts it: `python -m ringfence serve --config FILE`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.net import answers_options
from tests.support.process import Process

import ringfence

Settings = Mapping[str, Any]
SOURCE = Path(ringfence.__file__).parents[1]


def launch(config: Path, folder: Path, core: int | None = None) -> Process:
    """`ringfence serve` of the package that this test runs with, in `folder`, where it logs to ringfence.log."""
    command = [sys.executable, "-m", "ringfence", "serve", "--config", config]
    return Process(command, folder / "ringfence.log", core=core, cwd=folder, environment={"PYTHONPATH": str(SOURCE)})


class Daemon:
    """One running `ringfence serve`, in a folder of its own."""

    def __init__(self, settings: Settings, folder: Path, ask_from: str) -> None:
        """Write the settings and start it; returns when its first UDP listener answers OPTIONS.

        ask_from: `host:port` that the daemon knows as a trunk or a gateway, since strangers get no answer.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.config = folder / "ringfence.yaml"
        self.config.write_text(yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True))
        listener = next(each for each in settings["listeners"] if each["transport"] == "udp")
        self.process = launch(self.config, folder)
        try:
            self.process.wait_ready(lambda: answers_options(listener["bind"], ask_from), 20)
        except BaseException:
            self.process.kill()
            raise

    def stop(self) -> None:
        """SIGTERM: it must end by itself with status 0, leaving no process and no traceback in its log."""
        status = self.process.stop(20)
        assert status == 0, f"ringfence ended with {status}:\n{self.process.tail()}"
        assert "Traceback" not in self.process.log.read_text(errors="replace"), self.process.tail(60)


@pytest.fixture
def ringfence_daemon(tmp_path: Path) -> Iterator[Callable[[Settings, str], Daemon]]:
    """Starts daemons with `(settings, ask_from)`; all are stopped, and judged, at the test's end."""
    running: list[Daemon] = []

    def start(settings: Settings, ask_from: str) -> Daemon:
        running.append(Daemon(settings, tmp_path / f"ringfence{len(running)}", ask_from))
        return running[-1]

    try:
        yield start
    finally:
        for daemon in running[1:]:
            daemon.stop()
        if running:
            running[0].stop()
