"""A proxy that is made to be killed: the runner, real sockets and a spool, without store and HTTP."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

from tests.support.places import PLACES
from tests.support.settings import daemon_settings
from tests.support.stage import ROUTE_KEY

from ringfence.config.settings import Settings
from ringfence.engine.engine import Engine
from ringfence.engine.policy import Policy
from ringfence.engine.state import State
from ringfence.engine.trail import Recording
from ringfence.forwarding.gateways import build_groups
from ringfence.ledger import build_ledger
from ringfence.lookups import Resolver
from ringfence.numbering import Numbering
from ringfence.records.recorder import Recorder
from ringfence.records.spool import Spool
from ringfence.runner import Runner
from ringfence.screening import Intake, Pipeline
from ringfence.transport.transports import Transports


def serve(folder: str, listen: str, caller: str, gateway: str) -> None:
    """Serve until killed. listen, caller, gateway: `host:port`."""
    asyncio.run(_serve(Path(folder), listen, caller, gateway))


async def _serve(folder: Path, listen: str, caller: str, gateway: str) -> None:
    settings = Settings.model_validate(daemon_settings(listen, [caller.partition(":")[0]], [gateway]))
    numbering = Numbering(settings.numbering)
    ledger = build_ledger(settings.trunks, numbering, folder, 1, _no_file)
    policy = Policy(
        1,
        settings.sip,
        ledger,
        Pipeline(settings.screening, ledger, PLACES),
        Intake(numbering),
        settings.screening.tagging,
        build_groups(settings.gateways),
    )
    recording = Recording()
    spool = Spool(folder, settings.records, "victim")
    spool.open()
    recorder = Recorder(spool, recording, True)
    recorder.start()
    transports = Transports(list(settings.listeners))
    no_store: Any = None  # its rules ask nothing
    runner = Runner(transports, no_store, Resolver(random.random), recorder)
    await transports.open(runner.received, runner.unreachable, runner.malformed)
    state = State(transports.listeners, transports.endpoint, policy, ROUTE_KEY, b"salt", recording)
    runner.start(Engine(state, random.random, 0.0))
    await asyncio.sleep(60)  # nobody waits so long


def _no_file(path: Path) -> str:
    raise AssertionError(f"no file is read here: {path}")
