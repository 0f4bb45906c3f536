"""`ringfence demo`: the daemon on its sample configuration, a softswitch behind it, callers in front of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol, Self

from rich.console import Console

from ringfence.config import Bundle, load_bundle
from ringfence.config.settings import Settings
from ringfence.demo.board import Board, LiveBoard, PlainBoard
from ringfence.demo.caller import Caller
from ringfence.demo.errors import DemoError
from ringfence.demo.house import House
from ringfence.demo.play import Outcome, Play
from ringfence.demo.ports import gateway_address, moved_copy, replacements, taken, wanted
from ringfence.demo.scenes import ENGAGED, SCENES, Scene, Store
from ringfence.demo.scrape import Samples, moved, scrape
from ringfence.demo.softswitch import Softswitch
from ringfence.settings_types import read_bind

DATA_VARIABLE = "RINGFENCE_DATA_DIRECTORY"
RING = 0.1  # seconds the demo's telephones ring
SHOWN_COUNTERS = ("ringfence_verdicts_total", "ringfence_requests_total", "ringfence_responses_total",
                  "ringfence_gateway_responses_total", "ringfence_lookup_latency_seconds_count")  # fmt: skip


class OpenStore(Store, Protocol):
    """A store that is open within `with`."""

    def __enter__(self) -> Self:
        """The store itself."""

    def __exit__(self, *_: object) -> None:
        """Let go of it."""


StoreOpener = Callable[[Settings], OpenStore]


async def show(config: Path, once: bool, open_store: StoreOpener) -> bool:
    """Play every scene; True when all went as expected. Raises RingfenceError when the house cannot be built.

    once: do not stay up afterwards; nor does it where nobody looks. open_store: what `ringfence consent` opens.
    """
    console = Console(soft_wrap=True)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _cancel(asyncio.current_task()))
    with tempfile.TemporaryDirectory(prefix="ringfence-demo-") as name:
        folder = Path(name)
        environment = {DATA_VARIABLE: str(folder / "data")}
        config, bundle = _prepared(config, folder, environment, console)
        settings = bundle.settings
        async with AsyncExitStack() as stage:
            daemon = House(config, folder / "daemon.log", environment)
            softswitch, callers = await _cast(bundle, stage)
            console.print(f"starting the daemon on {config}", highlight=False)
            stage.push_async_callback(daemon.stop)
            await daemon.start(f"{_http(settings)}/ready")
            with open_store(settings) as store:
                as_expected = await _played(bundle, callers, softswitch, store, console)
            for caller in callers.values():
                await caller.close()  # their ports are the trunks', and calls of one's own come from there
            if console.is_terminal and not once:
                await _stay(daemon, lambda: _invite(console, config, environment))
            else:
                console.print("\non a terminal, and without --once, the house stays up for calls of your own:\n")
                console.print(f"  {_own_call(config)}", highlight=False, markup=False)
    return as_expected


async def _stay(daemon: House, invite: Callable[[], None]) -> None:
    """Until Ctrl-C, which is how this ends and no failure. Raises DemoError when the daemon ends by itself.

    invite: tells the audience so, once Ctrl-C means that.
    """
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    invite()
    waits = [loop.create_task(asked.wait()), loop.create_task(daemon.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    if daemon.ended:
        raise DemoError(f"the daemon ended by itself:\n{daemon.tail()}")


def _cancel(task: asyncio.Task[object] | None) -> Callable[[], None]:
    def cancel() -> None:
        if task is not None:
            task.cancel()

    return cancel


def _prepared(config: Path, folder: Path, environment: dict[str, str], console: Console) -> tuple[Path, Bundle]:
    """The settings to play with; a copy with other ports where some are taken."""
    environ = {**os.environ, **environment}
    bundle = load_bundle(config, environ=environ)
    if not bundle.settings.control.enabled:
        raise DemoError("the demo reads what the daemon counts: it needs control.enabled")
    addresses = wanted(bundle.settings, bundle.ledger.trunks.values())
    busy = taken(addresses)
    if busy:
        moves = replacements(busy, addresses)
        for old, new in moves.items():
            console.print(f"port {old} is taken, the demo uses {new} instead")
        config = moved_copy(config, folder, moves)
        bundle = load_bundle(config, environ=environ)
    return config, bundle


async def _cast(bundle: Bundle, stage: AsyncExitStack) -> tuple[Softswitch, dict[str, Caller]]:
    """The softswitch and a caller for each trunk that is known by address and port; `stage` closes them."""
    softswitch = Softswitch(*gateway_address(bundle.settings), ring=RING, refusals={ENGAGED: 486})
    await softswitch.open("udp", "tcp", listening=True)
    stage.push_async_callback(softswitch.close)
    callers = {}
    for trunk in bundle.ledger.trunks.values():
        source = trunk.sources[0]
        if source.address and source.port:
            callers[trunk.name] = caller = Caller(source.address, source.port)
            await caller.open("udp")
            stage.push_async_callback(caller.close)
    return softswitch, callers


async def _played(
    bundle: Bundle, callers: dict[str, Caller], softswitch: Softswitch, store: Store, console: Console
) -> bool:
    """Every scene, and what they moved; whether all went as expected."""
    http = _http(bundle.settings)
    before = await scrape(f"{http}/metrics")
    play = Play(bundle, callers, softswitch, store, f"{http}/metrics")
    outcomes = []
    board: Board = LiveBoard(console) if console.is_terminal else PlainBoard(console)
    with board:
        for scene in SCENES:
            board.playing(scene)
            outcome = await play.scene(scene)
            board.played(scene, outcome)
            outcomes.append((scene, outcome))
    _report(console, http, outcomes, moved(before, await scrape(f"{http}/metrics")))
    return not any(outcome.faults for _, outcome in outcomes)


def _http(settings: Settings) -> str:
    host, port = read_bind(settings.control.bind)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _report(console: Console, http: str, outcomes: list[tuple[Scene, Outcome]], grown: Samples) -> None:
    bad = [(scene, outcome) for scene, outcome in outcomes if outcome.faults]
    for scene, outcome in bad:
        for fault in outcome.faults:
            console.print(f"not as expected: {scene.title}: {fault}", style="red", highlight=False, markup=False)
    console.print(f"\n{len(outcomes) - len(bad)} of {len(outcomes)} calls went as expected")
    console.print(f"\nmetrics are at {http}/metrics, health at {http}/ready; what the calls moved:", highlight=False)
    for name, value in grown.items():
        if name.startswith(SHOWN_COUNTERS):
            console.out(f"{value:8g}  {name}", highlight=False)


def _invite(console: Console, config: Path, environment: dict[str, str]) -> None:
    """How to go on by oneself while the house stands."""
    command = _command()
    console.print("\nthe daemon and the softswitch stay up; in another terminal:\n", highlight=False)
    for line in (
        _own_call(config),
        f"{command} explain --config {config} --trunk bank --from +862200000001 --to +861000005001",
        *(f"export {name}={value}" for name, value in environment.items()),
        f"{command} score set +442079460001 70 --config {config}",
        f"{command} call --config {config} --trunk carrier --from +442079460001 --to +861000005001",
    ):
        console.print(f"  {line}", highlight=False, markup=False)
    console.print("\nCtrl-C ends everything", highlight=False)


def _own_call(config: Path) -> str:
    return f"{_command()} call --config {config} --trunk bank --from +861000000101 --to +861000005001 --hold 2s"


def _command() -> str:
    """How this program is called from here."""
    program = Path(sys.executable).parent / "ringfence"
    if not program.is_file():
        return f"{sys.executable} -m ringfence"
    return str(program.relative_to(Path.cwd())) if program.is_relative_to(Path.cwd()) else str(program)
