"""A file of JSON lines that can only grow: each line's hash covers the line before, as in the registry's audit trail.

What was changed or taken out of the middle shows; what was cut off the end shows to whoever kept the last hash.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ringfence.records.errors import RecordsError

START = "0" * 64
"""The hash before the first line."""
_LONGEST = 65_536  # bytes of a line


class Line(NamedTuple):
    """One line. fault: why it cannot be believed, "" for a good one; nothing behind a fault is read."""

    number: int
    entry: dict[str, Any]
    hash: str
    fault: str = ""


def hash_of(previous: str, entry: dict[str, Any]) -> str:
    """SHA-256 over the hash before (64 hexadecimal digits) and the entry as JSON without blanks, its keys sorted."""
    return hashlib.sha256(previous.encode() + orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)).hexdigest()


def append(path: Path, entry: dict[str, Any]) -> None:
    """One line more, durable when this returns; any number of processes may do so. Raises RecordsError.

    Half a line, which a process that was killed leaves, is cut off: what it was to tell of has not happened.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            end, previous = _end(path, descriptor)
            data = orjson.dumps({**entry, "hash": hash_of(previous, entry)}, option=orjson.OPT_SORT_KEYS) + b"\n"
            if len(data) > _LONGEST:
                raise RecordsError(f"{path}: an entry of {len(data)} bytes is longer than {_LONGEST}")
            os.ftruncate(descriptor, end)
            os.pwrite(descriptor, data, end)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise RecordsError(f"{path}: cannot be written: {error.strerror}") from None


def _end(path: Path, descriptor: int) -> tuple[int, str]:
    """Where whole lines end, and the last one's hash."""
    size = os.fstat(descriptor).st_size
    start = max(0, size - 2 * _LONGEST)
    tail = os.pread(descriptor, size - start, start)
    whole = tail[: tail.rfind(b"\n") + 1]
    if not whole:
        if start:
            raise RecordsError(f"{path}: its end is no line of ours")
        return 0, START
    try:
        said = orjson.loads(whole[:-1].rpartition(b"\n")[2])
        return start + len(whole), str(said["hash"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise RecordsError(f"{path}: its last line was changed or damaged") from None


def read(path: Path) -> Iterator[Line]:
    """Every line up to the first that cannot be believed; none where there is no file. Raises RecordsError."""
    previous = START
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                if not raw.endswith(b"\n"):
                    return
                try:
                    entry = orjson.loads(raw)
                    said = str(entry.pop("hash"))
                except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
                    yield Line(number, {}, previous, "this is no line of ours")
                    return
                if hash_of(previous, entry) != said:
                    yield Line(
                        number, entry, previous, "its hash does not fit: a line was changed, put in or taken out"
                    )
                    return
                previous = said
                yield Line(number, entry, said)
    except FileNotFoundError:
        return
    except OSError as error:
        raise RecordsError(f"{path}: cannot be read: {error.strerror}") from None
