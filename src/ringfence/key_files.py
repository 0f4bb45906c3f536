"""Secret files: made once, whole or not at all, and files with several keys read."""

from __future__ import annotations

import os
from pathlib import Path

KEY_BYTES = 32
_MOST_KEYS = 16


def make_once(file: Path, text: str) -> None:
    """Write a secret to `file` (mode 0600) unless it is there; two processes that start at once end up with the same.

    Raises OSError.
    """
    if file.exists():
        return
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as target:
            target.write(text)
            target.flush()
            os.fsync(target.fileno())
        try:
            os.link(draft, file)  # fails where another was first
        except FileExistsError:
            pass
    finally:
        draft.unlink()


def listed_keys(text: str, where: str, setting: str) -> list[bytes]:
    """The keys of a file with one a line, 64 hexadecimal digits each; the present one stands first.

    where: the file's name, setting: what names it. Raises ValueError, naming both and the line.
    """
    keys = []
    for place, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            key = bytes.fromhex(line)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise ValueError(f"{where}:{place}: {setting}: a key is {2 * KEY_BYTES} hexadecimal digits")
        keys.append(key)
    if not 0 < len(keys) <= _MOST_KEYS or len(set(keys)) != len(keys):
        raise ValueError(f"{where}: {setting}: 1 to {_MOST_KEYS} keys are wanted, none of them twice")
    return keys
