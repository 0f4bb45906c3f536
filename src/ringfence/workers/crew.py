"""The front: it holds the sockets, hands out what comes, and keeps the workers at work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any

from ringfence.calls import Health
from ringfence.config.load import Bundle
from ringfence.config.settings import Settings
from ringfence.control.errors import ControlError, Refused, Unanswered
from ringfence.errors import RingfenceError
from ringfence.telemetry.snapshot import Node, Snapshot, WorkerState
from ringfence.transport.door import UdpDoor
from ringfence.transport.far_ends import Address
from ringfence.transport.switch import StreamDoor, Switch
from ringfence.transport.transports import listeners_of
from ringfence.workers.hand import Hand
from ringfence.workers.merge import merged
from ringfence.workers.process import arguments

LOOK_PATIENCE = 0.5  # seconds for a worker's answer: less than who asks the daemon waits
EXPLAIN_PATIENCE = 10.0


class Crew:
    """Calls served by workers; `Served` says what each method is for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._doors: dict[int, UdpDoor] = {}
        self._streams: dict[int, StreamDoor] = {}
        self._switch: Switch | None = None
        self._hands: list[Hand] = []
        self._gone: list[Snapshot] = []
        self._copied: float | None = None
        self._bundle: Bundle

    async def open(self, bundle: Bundle) -> None:
        """Bind, start the workers, and read once all of them serve."""
        workers = self._settings.workers
        self._bundle = bundle
        self._bind()
        for number in range(1, workers + 1):
            line, inherited = self._inheritance(number)
            self._hands.append(Hand(number, workers, line, inherited, lambda: self._bundle, self._begun, self._ended))
        for hand in self._hands:
            await hand.start()
        for hand in self._hands:
            trouble = await hand.begun()
            if trouble is not None:
                raise RingfenceError(f"worker {hand.number} cannot start: {trouble}")
        for door in self._doors.values():
            door.open()

    def _bind(self) -> None:
        parts = self._settings.listeners
        if any(part.transport != "udp" for part in parts):
            self._switch = Switch(self._settings.workers)
        for listener, part in zip(listeners_of(parts), parts, strict=True):
            if part.transport == "udp":
                self._doors[listener.key] = UdpDoor(listener.key, part, self._settings.workers, self._returned)
            else:
                assert self._switch is not None
                self._streams[listener.key] = self._switch.door(listener, part)

    def _inheritance(self, number: int) -> tuple[list[str], list[int]]:
        """A worker's command line and the descriptors that it inherits."""
        sockets = [(key, door.sock, door.outlets[number - 1]) for key, door in self._doors.items()]
        streams = None
        descriptors = [end.fileno() for _, sock, outlet in sockets for end in (sock, outlet.inlet)]
        if self._switch is not None:
            streams = (
                self._switch.outlets[number - 1],
                {key: stream.bound_port for key, stream in self._streams.items()},
            )
            descriptors.append(streams[0].inlet.fileno())
        return arguments(number, self._settings, sockets, streams), descriptors

    def _begun(self, hand: Hand) -> None:
        if self._switch is not None:
            self._switch.introduce(hand.number - 1)
        if self._copied is not None:
            hand.tell("copy", self._copied)

    def _returned(self, key: int, address: Address, data: bytes) -> None:
        """Whose it was shows its branch, which ICMP may have cut the Call-ID behind: each worker knows its own."""
        for hand in self._hands:
            hand.tell("returned", (key, address, data))

    def _ended(self, hand: Hand) -> None:
        """What a dead worker had counted when last asked stays in the sums; nobody was told of more."""
        if hand.last is not None:
            self._gone = [merged([], [*self._gone, hand.last], _NOBODY, [])]

    async def adopt(self, bundle: Bundle) -> None:
        """All of them; one that cannot keeps what it has, which `health` tells."""
        self._bundle = bundle
        await asyncio.gather(*(hand.adopt(bundle) for hand in self._hands))

    async def renew_certificates(self) -> None:
        """They are here, with the connections. Raises TransportError."""
        for stream in self._streams.values():
            stream.renew_certificates()

    async def copy(self, share: float | None) -> None:
        """All of them; who hangs does so once it goes on, and who takes a dead one's place from its beginning."""
        self._copied = share
        await _answers(hand.ask("copy", share) for hand in self._hands if hand.up)

    def ports(self) -> list[int]:
        """As `Served.ports`."""
        return [(self._doors | self._streams)[key].bound_port for key in range(len(self._settings.listeners))]

    async def drain(self) -> None:
        """Each of them, and those that take a dead one's place."""
        await _answers(hand.drain() for hand in self._hands)

    async def busy(self) -> bool:
        """Whether any of them is; a dead one is not."""
        return any(await _answers(hand.ask("busy") for hand in self._hands if hand.up))

    async def close(self) -> None:
        """Read no more, let every worker end, then close what they had inherited and the connections."""
        for door in self._doors.values():
            door.shut()
        await asyncio.gather(*(hand.stop() for hand in self._hands))
        await asyncio.gather(*(door.close() for door in self._doors.values()))
        await asyncio.gather(*(stream.close() for stream in self._streams.values()))
        if self._switch is not None:
            self._switch.close()

    # -- telling ----------------------------------------------------------------------------------------------

    async def health(self) -> Health:
        """What each of them says, once, and of each that says nothing that its share of the calls waits."""
        reasons: dict[str, None] = {}
        warnings: dict[str, None] = {}
        for hand, answer in zip(self._hands, await self._asked("health"), strict=True):
            if answer is None:
                state = "does not answer" if hand.up else "is not running"
                reasons[f"worker {hand.number} {state}: its share of the calls waits"] = None
            else:
                reasons.update(dict.fromkeys(answer[0]))
                warnings.update(dict.fromkeys(answer[1]))
            if hand.trouble is not None:
                warnings[f"worker {hand.number} {hand.trouble}"] = None
        return Health(list(reasons), list(warnings))

    async def _asked(self, command: str, argument: Any = None) -> list[Any]:
        """The answer of each worker; None of who gives none."""

        async def one(hand: Hand) -> Any:
            try:
                return await hand.ask(command, argument, LOOK_PATIENCE) if hand.up else None
            except ControlError:
                return None

        return await asyncio.gather(*(one(hand) for hand in self._hands))

    async def snapshot(self, node: Node) -> Snapshot:
        """The sum of all; of a worker that does not answer what it said last."""
        for hand, answer in zip(self._hands, await self._asked("snapshot", node), strict=True):
            if answer is not None:
                hand.last = answer
        live = [hand.last for hand in self._hands if hand.last is not None]
        if not live:
            raise RingfenceError("starting")
        restarts = {hand.name: hand.restarts for hand in self._hands}
        together = Node(**{**node, "restarts": {**node["restarts"], **restarts}})
        front = [
            {"listener": part.name, "transport": part.transport, **(self._doors | self._streams)[key].stats()}
            for key, part in enumerate(self._settings.listeners)
        ]
        return merged(live, self._gone, together, [self._state(hand) for hand in self._hands], front)

    def _state(self, hand: Hand) -> WorkerState:
        outlets = [door.outlets[hand.number - 1] for door in self._doors.values()]
        if self._switch is not None:
            outlets.append(self._switch.outlets[hand.number - 1])
        return WorkerState(
            number=hand.number,
            up=hand.up,
            generation=hand.generation,
            hangs=hand.hangs,
            messages=sum(outlet.messages for outlet in outlets),
            dropped=sum(outlet.dropped for outlet in outlets),
            waiting=sum(outlet.queue.waiting for outlet in outlets),
            waiting_limit=sum(outlet.queue.limit for outlet in outlets),
        )

    async def explain(self, asked: dict[str, Any]) -> dict[str, Any]:
        """By any of them: all judge alike."""
        for hand in self._hands:
            if hand.up:
                try:
                    answer: dict[str, Any] = await hand.ask("explain", asked, EXPLAIN_PATIENCE)
                except Unanswered:
                    continue
                return answer
        raise Refused("no worker answers")


_NOBODY = Node(node="", started=0.0, draining=False, config_faults=0, restarts={})


async def _answers(asked: Iterable[Awaitable[Any]]) -> list[Any]:
    """What came of all that was asked; who is gone or silent says nothing."""
    answers = await asyncio.gather(*asked, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, ControlError):
            raise answer
    return [answer for answer in answers if not isinstance(answer, BaseException)]
