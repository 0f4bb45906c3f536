"""The proxies under test: how each is started, doing what."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import yaml
from tests.bench.configs import Screening, ringfence_settings
from tests.bench.store import register_consents
from tests.support.daemon import launch
from tests.support.kamailio import start_kamailio
from tests.support.net import answers_options, split
from tests.support.process import Process

CONFIG = Path(__file__).parent / "kamailio.cfg"
NET_SIP = Path(__file__).parent / "net_sip.pl"


@dataclass(frozen=True)
class Place:
    """Where a proxy runs: `host:port` of itself and of both ends, its core and folder, the store's two doors.

    settled: it may take its memory beforehand, as it would have after a day of calls.
    """

    listen: str
    caller: str
    callee: str
    core: int
    folder: Path
    store: Path
    store_port: int
    settled: bool = True


class Subject(Protocol):
    """A proxy under test. The CPU of the started process and of all its descendants is what is measured.

    name: prefix of its figures. refuses: every call is expected to be refused with 4xx or 6xx instead of answered.
    holds_calls: memory a call in progress is worth measuring. uses_store: talks to the benchmark's Valkey.
    workers: processes that serve calls; each is given as many at once as a single one is.
    """

    @property
    def name(self) -> str: ...
    @property
    def refuses(self) -> bool: ...
    @property
    def holds_calls(self) -> bool: ...
    @property
    def uses_store(self) -> bool: ...
    @property
    def workers(self) -> int: ...

    def start(self, place: Place) -> Process:
        """Start it on its core; returns when it takes calls. Raises Died."""
        ...


@dataclass(frozen=True)
class Kamailio:
    """Kamailio with one child, on the configuration beside this file.

    allocator: tlsf is its fastest here: fm's timer process, freeing transactions, takes more CPU than the calls do once
    some hundred thousand have gone through it.
    """

    name: str
    binary: Path
    defines: Sequence[str] = ()
    allocator: str = "tlsf"
    refuses: bool = False
    holds_calls: bool = False
    uses_store: bool = False
    workers: int = 1

    def start(self, place: Place) -> Process:
        values = {
            "LISTEN": place.listen,
            "GATEWAY": place.callee,
            "TRUNK": split(place.caller)[0],
            "STORE": str(place.store),
        }
        return start_kamailio(
            self.binary,
            CONFIG,
            place.folder,
            values,
            defines=[*self.defines, *(["PREFAULT"] if place.settled else [])],
            core=place.core,
            shared_mb=4096,
            allocator=self.allocator,
        )


@dataclass(frozen=True)
class NetSip:
    """Net::SIP's stateless proxy (Debian: libnet-sip-perl), on the script beside this file."""

    name: str
    perl: Path
    refuses: bool = False
    holds_calls: bool = False
    uses_store: bool = False

    def start(self, place: Place) -> Process:
        command = [self.perl, NET_SIP, place.listen, place.callee]
        proxy = Process(command, place.folder / "net_sip.log", core=place.core)
        try:
            proxy.wait_ready(lambda: answers_options(place.listen))
        except BaseException:
            proxy.kill()
            raise
        return proxy


@dataclass(frozen=True)
class Ringfence:
    """`ringfence serve` with the given share of screening; records: whether every call is recorded, as by default.

    workers: 1 serves calls in its own process; the CPU of a front counts too.
    """

    name: str
    screening: Screening
    refuses: bool = False
    holds_calls: bool = False
    records: bool = True
    workers: int = 1

    @property
    def uses_store(self) -> bool:
        return self.screening in (Screening.STORE, Screening.STORE_TCP)

    def start(self, place: Place) -> Process:
        config = place.folder / "ringfence.yaml"
        settings = ringfence_settings(
            place.listen,
            place.caller,
            place.callee,
            place.folder,
            place.store,
            place.store_port,
            self.screening,
            self.records,
        )
        settings["workers"] = self.workers
        config.write_text(yaml.safe_dump(settings, sort_keys=False))
        if self.uses_store:
            register_consents(place.folder)
        ringfence = launch(config, place.folder, place.core)
        try:
            ringfence.wait_ready(lambda: answers_options(place.listen, place.caller))
            if self.uses_store:
                ringfence.wait_ready(lambda: has_index(config))
                time.sleep(1)  # until the daemon has looked again, four times a second, and believes it
        except BaseException:
            ringfence.kill()
            raise
        return ringfence


def has_index(config: Path) -> bool:
    """Whether the consent index of that configuration is whole."""
    asked = [sys.executable, "-m", "ringfence", "index", "status", "--config", str(config)]
    return subprocess.run(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
