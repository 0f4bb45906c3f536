"""One server to one folder, also while the last one is still going down."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path

from ringfence.lookups.errors import StoreError

PATIENCE = 5.0  # seconds: the server of a ringfence that was killed is gone long before
_LOOK = 0.05  # seconds between two looks


async def locked(file: Path) -> int:
    """An open file that is locked; the lock is held until every process that inherited it has closed it.

    So a server that was given it keeps it for as long as it lives, whatever became of its parent.
    Raises StoreError when another holds it and does not let go.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError:
                if loop.time() >= until:
                    raise StoreError(
                        "another process serves the embedded store in this data_directory: is ringfence running?"
                    ) from None
                await asyncio.sleep(_LOOK)
    except BaseException:
        os.close(descriptor)
        raise
