"""The audit trail's hash chain: each entry's hash covers the one before, so that nothing can be changed or left out."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import orjson

START = "0" * 64
"""The hash before the first entry."""


class Entry(NamedTuple):
    """One entry. at: epoch milliseconds; subject: a callee's id; detail: JSON text, without numbers."""

    sequence: int
    at: int
    actor: str
    origin: str
    action: str
    subject: int | None
    detail: str


def hash_of(previous: str, entry: Entry) -> str:
    """SHA-256 over the hash before (64 hexadecimal digits) and the entry as a JSON array of its seven parts.

    The array has no blanks, and other than ASCII characters stand as themselves in UTF-8.
    """
    return hashlib.sha256(previous.encode() + orjson.dumps(list(entry))).hexdigest()


def text_of(detail: dict[str, Any]) -> str:
    """An entry's detail as it is kept: one spelling, sorted keys."""
    return orjson.dumps(detail, option=orjson.OPT_SORT_KEYS).decode()
