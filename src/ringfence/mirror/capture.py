"""Captures on demand: the messages of a trunk, or of calls from or to a number, into a file, within limits."""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

from ringfence.mirror.frames import Message
from ringfence.packets.pcapng_writer import PcapngWriter

MOST_CALLS = 50_000  # Call-IDs that a capture follows; the oldest is forgotten for the newest
HELD_SECONDS = 2.0  # that messages wait for their call's decision, which says whose numbers they are about
HELD_BYTES = 33_554_432  # of such messages
MOST_LISTED = 100  # captures whose end is remembered
OVERHEAD = 256  # bytes of a packet in the file beside the message itself, about

Address = tuple[str, int]


class Order(NamedTuple):
    """What is to be captured. trunk or number, the other is "". seconds, most: when it ends at the latest."""

    name: str
    trunk: str
    number: str
    seconds: float
    most: int
    file: str


class Capture:
    """One capture. state: running, done (its time is over), full, stopped or failed."""

    def __init__(self, order: Order, now: float) -> None:
        """Make the file, readable by its owner alone. Raises OSError: it cannot be made, or is there already."""
        self.order = order
        self.until = now + order.seconds
        self.state = "running"
        self.messages = 0
        self._calls: dict[bytes, None] = {}
        path = Path(order.file)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._writer = PcapngWriter(self._file, "ringfence", "sip")
        self._file.flush()

    def wants(self, message: Message, call: bytes) -> bool:
        """Whether a message is to be written. A trunk's own message makes the whole call so."""
        if call in self._calls:
            return True
        if self.order.trunk and message.name == self.order.trunk:
            self.follow(call)
            return True
        return False

    def concerns(self, fields: dict[str, str]) -> bool:
        """Whether a decision is about the number."""
        return bool(self.order.number) and self.order.number in (fields["caller"], fields["shown"], fields["callee"])

    def follow(self, call: bytes) -> bool:
        """Write this call's messages from now on; False where that is so already."""
        if not call or call in self._calls:
            return False
        if len(self._calls) >= MOST_CALLS:
            del self._calls[next(iter(self._calls))]
        self._calls[call] = None
        return True

    def write(self, message: Message, transport: str, ours: Address) -> None:
        """One message, unless the capture is over, or now is for its time or its size."""
        if self.state != "running":
            return
        if time.monotonic() >= self.until:  # whenever the next tick is
            self.end("done")
            return
        if self._writer.size + len(message.data) + OVERHEAD > self.order.most:
            self.end("full")
            return
        theirs = (message.host, message.port)
        source, target = (ours, theirs) if message.sent else (theirs, ours)
        said = f"{transport}, {'sent to' if message.sent else 'received from'} {message.name or 'a stranger'}"
        try:
            self._writer.write(message.wall, source, target, message.data, said)
        except OSError as error:
            self.end(f"failed: {error.strerror}")
        else:
            self.messages += 1

    def flush(self) -> None:
        """Have what was written in the file, for who reads it meanwhile."""
        if self.state == "running":
            try:
                self._file.flush()
            except OSError as error:
                self.end(f"failed: {error.strerror}")

    def end(self, state: str) -> None:
        """Close the file."""
        if self.state != "running":
            return
        self.state = state
        try:
            self._file.close()
        except OSError as error:
            self.state = f"failed: {error.strerror}"

    def plain(self) -> dict[str, Any]:
        """How it stands."""
        return {"state": self.state, "messages": self.messages, "bytes": self._writer.size}


class Held:
    """Messages that wait for their call's decision, for a while and within a bound."""

    def __init__(self) -> None:
        self._order: deque[tuple[float, bytes, Message]] = deque()
        self._by_call: dict[bytes, deque[Message]] = {}
        self._bytes = 0

    def put(self, call: bytes, message: Message, now: float) -> None:
        """Keep one; those that waited for long enough go."""
        self._order.append((now + HELD_SECONDS, call, message))
        self._by_call.setdefault(call, deque()).append(message)
        self._bytes += len(message.data)
        while self._order and (self._order[0][0] < now or self._bytes > HELD_BYTES):
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        _, call, message = self._order.popleft()
        self._bytes -= len(message.data)
        waiting = self._by_call.get(call)
        if waiting is not None and waiting[0] is message:
            waiting.popleft()
            if not waiting:
                del self._by_call[call]

    def of(self, call: bytes) -> list[Message]:
        """What waits for this call's decision."""
        return list(self._by_call.get(call, ()))

    def clear(self) -> None:
        """Nobody waits any more."""
        self._order.clear()
        self._by_call.clear()
        self._bytes = 0


class Captures:
    """All captures of a process. ours: the listeners' (transport, address), by their key."""

    def __init__(self, ours: list[tuple[str, Address]]) -> None:
        self._ours = ours
        self._running: list[Capture] = []
        self._by_name: dict[str, Capture] = {}
        self._held = Held()
        self._by_number = False

    def start(self, order: Order) -> None:
        """Begin one. Raises OSError where its file cannot be made."""
        capture = Capture(order, time.monotonic())
        self._by_name[order.name] = capture
        over = [name for name, other in self._by_name.items() if other.state != "running"]
        for name in over[: max(0, len(self._by_name) - MOST_LISTED)]:
            del self._by_name[name]
        self._running.append(capture)
        self._sort()

    def stop(self, name: str) -> None:
        """End one; nothing happens where there is none."""
        capture = self._by_name.get(name)
        if capture is not None:
            capture.end("stopped")
            self._sort()

    def _sort(self) -> None:
        self._running = [capture for capture in self._running if capture.state == "running"]
        self._by_number = any(capture.order.number for capture in self._running)
        if not self._by_number:
            self._held.clear()

    def message(self, message: Message, call: bytes) -> None:
        """A message went by."""
        if not self._running:
            return
        for capture in self._running:
            if capture.wants(message, call):
                self._write(capture, message)
        if self._by_number and call:
            self._held.put(call, message, time.monotonic())

    def decided(self, fields: dict[str, str], call: bytes) -> None:
        """A call was judged: now its numbers are known, and what went before them is written too."""
        for capture in self._running:
            if capture.concerns(fields) and capture.follow(call):
                for message in self._held.of(call):
                    self._write(capture, message)

    def _write(self, capture: Capture, message: Message) -> None:
        transport, ours = self._ours[message.listener]
        capture.write(message, transport, ours)

    def tick(self) -> None:
        """End what is over its time, flush the rest."""
        now = time.monotonic()
        for capture in self._running:
            if now >= capture.until:
                capture.end("done")
            else:
                capture.flush()
        self._sort()

    def plain(self) -> dict[str, dict[str, Any]]:
        """How each stands, by its name."""
        return {name: capture.plain() for name, capture in self._by_name.items()}

    def close(self) -> None:
        """End all."""
        for capture in self._running:
            capture.end("stopped")
        self._sort()
