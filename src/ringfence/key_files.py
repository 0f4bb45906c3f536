"""Secret files that are made once, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


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
