"""MOVED and ASK: a slot of the cluster lives elsewhere, for good or while it moves."""

from __future__ import annotations

from typing import NamedTuple

import hiredis

from ringfence.lookups.questions import Fact, Question, command
from ringfence.lookups.resp import Address
from ringfence.lookups.slots import split
from ringfence.screening import Call

_ASKING = command(b"ASKING")


class Elsewhere(NamedTuple):
    """What a redirecting error says. moved: for good (MOVED), else for this once (ASK). host "": the one asked."""

    moved: bool
    slot: int
    host: str
    port: int


def elsewhere(reply: object) -> Elsewhere | None:
    """`MOVED 3999 127.0.0.1:6381`, `ASK …`; None for every other reply."""
    if not isinstance(reply, hiredis.ReplyError):
        return None
    word, _, rest = str(reply).partition(" ")
    slot, _, place = rest.partition(" ")
    host, _, port = place.partition(" ")[0].rpartition(":")
    if word not in ("MOVED", "ASK") or not slot.isdecimal() or not port.isdecimal():
        return None
    return Elsewhere(word == "MOVED", int(slot), host, int(port))


def placed(found: Elsewhere, asked: Address) -> Address:
    """The server it names, reached as the one that was asked."""
    return asked._replace(host=found.host or asked.host, port=found.port)


class Redirected(Question):
    """Those commands of a question that were redirected, asked a second time; the other replies are kept.

    Only they go out again: a command that was carried out must not be carried out twice.
    """

    __slots__ = ("_holes", "_kept", "_question", "_stride", "data")

    def __init__(self, question: Question, commands: bytes, kept: list[object]) -> None:
        redirects = [elsewhere(reply) for reply in kept]
        asking = any(one is not None and not one.moved for one in redirects)
        one_by_one = split(commands)
        self._question = question
        self._kept = kept
        self._holes = [place for place, one in enumerate(redirects) if one is not None]
        self._stride = 2 if asking else 1
        prefix = _ASKING if asking else b""
        super().__init__(question.need, len(self._holes) * self._stride)
        self.data = b"".join([prefix + one_by_one[place] for place in self._holes])

    def commands(self, call: Call) -> bytes:
        """What goes out."""
        return self.data

    def fact(self, call: Call, replies: list[object], at: int) -> Fact:
        """The question's own fact out of old and new replies."""
        for count, place in enumerate(self._holes):
            self._kept[place] = replies[at + count * self._stride + self._stride - 1]
        return self._question.fact(call, self._kept, 0)
