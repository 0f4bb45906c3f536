"""A daemon with workers, seen from outside."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.daemon import Daemon, Settings
from tests.support.process import Process
from tests.support.settings import daemon_settings

from ringfence.control.channel import ask
from ringfence.control.errors import ControlError

Start = Callable[[Settings, str], Daemon]


def settings_of(proxy: str, caller: str, gateways: list[str], workers: int = 2, **changed: Any) -> dict[str, Any]:
    """As `daemon_settings`, with workers; addresses are `host:port`."""
    return daemon_settings(proxy, [caller.rpartition(":")[0]], gateways) | {"workers": workers} | changed


def command(daemon: Daemon, name: str, timeout: float = 5.0) -> Any:
    return asyncio.run(ask(daemon.folder / "data/control.sock", name, timeout=timeout))


def workers(daemon: Daemon) -> dict[int, int]:
    """Process ids by worker number."""
    return workers_of(daemon.process)


def workers_of(process: Process) -> dict[int, int]:
    """The same of a daemon's process."""
    found = {}
    for pid in process.pids()[1:]:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"ringfence.workers" in words and b"--seat" in words:
            found[int(words[words.index(b"--seat") + 1])] = pid
    return found


def until(met: Callable[[], bool], seconds: float = 10.0) -> float:
    """Wait for it; the seconds that it took."""
    began = time.monotonic()
    while not met():
        assert time.monotonic() - began < seconds, "it never came"
        time.sleep(0.02)
    return time.monotonic() - began


def is_ready(daemon: Daemon) -> bool:
    try:
        return bool(command(daemon, "ready")["ready"])
    except ControlError:
        return False


def lives(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
