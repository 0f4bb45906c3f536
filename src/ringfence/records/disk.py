"""The system calls that a disk can fail, in one place."""

from __future__ import annotations

import os


class Disk:
    """As os has them; tests derive from it."""

    open = staticmethod(os.open)
    write = staticmethod(os.pwrite)
    sync = staticmethod(os.fdatasync)
