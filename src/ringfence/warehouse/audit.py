"""Who looked at whose calls: one line of a journal a look, kept beside the records."""

from __future__ import annotations

import getpass
import os
import time
from pathlib import Path

from ringfence.records import journal
from ringfence.records.errors import RecordsError
from ringfence.warehouse.numbers import masked

FILE = "access.log"


def note(folder: Path, command: str, question: dict[str, str], found: int, in_full: bool, by: str = "") -> None:
    """Before anything is shown. Raises RecordsError: what cannot be noted may not be seen.

    question: what was asked for; its numbers are masked. in_full: whether whole numbers are shown. by: who looks,
    where that is not the user of this process.
    """
    entry = {
        "at": round(time.time(), 3),
        "user": by or _user(),
        "uid": os.getuid(),
        "command": command,
        "question": {name: value if name == "at" else masked(value) for name, value in question.items()},
        "found": found,
        "full": in_full,
    }
    try:
        journal.append(folder / FILE, entry)
    except RecordsError as error:
        raise RecordsError(f"a look at records must be noted: {error}") from None


def _user() -> str:
    """The login name; sudo's caller, where it is known."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return ""
