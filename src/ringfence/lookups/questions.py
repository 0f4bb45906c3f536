"""What every question to the store is: commands for a call, and a fact out of the replies."""

from __future__ import annotations

from abc import ABC, abstractmethod

import hiredis

from ringfence.screening import Call, CalleeCalls, Consent, Need, Rate, Roaming, Score, Unknown

Fact = Consent | Score | Rate | CalleeCalls | Roaming | Unknown

NO_NUMBER = Unknown("no_number")
WRONG_REPLY = Unknown("wrong_reply")


class Question(ABC):
    """One need, asked with commands that bring a fixed number of replies.

    need: what it answers. replies: how many replies its commands bring.
    """

    __slots__ = ("need", "replies")

    def __init__(self, need: Need, replies: int) -> None:
        self.need: Need = need
        self.replies = replies

    @abstractmethod
    def commands(self, call: Call) -> bytes | Fact:
        """RESP, ready to send; else the fact, where nothing is asked about this call: as when it lacks the number."""

    @abstractmethod
    def fact(self, call: Call, replies: list[object], at: int) -> Fact:
        """The fact in replies[at:at + self.replies]. Never raises: what cannot be read is Unknown."""


def command(*parts: bytes) -> bytes:
    """One command as a RESP array of bulk strings."""
    return b"*%d\r\n%b" % (len(parts), b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]))


def template(*parts: bytes, digest: bytes) -> bytes:
    """A command to be filled with `%`: wherever `digest`, a sample, stands in it, a digest of that length goes.

    RESP counts bytes, and all digests are of one length: everything else is packed once and for all.
    """
    return command(*parts).replace(b"%", b"%%").replace(digest, b"%b")


def unusable(*replies: object) -> Unknown:
    """Why replies are no fact: an error (LOADING, READONLY, OOM, WRONGTYPE, …) by its first word, lower case."""
    for reply in replies:
        if isinstance(reply, hiredis.ReplyError):
            word = str(reply).partition(" ")[0].lower()
            return Unknown(f"store_{word}" if word.isalpha() and len(word) <= 16 else "store_error")
    return WRONG_REPLY
