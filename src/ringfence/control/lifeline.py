"""A child process that cannot outlive its parent."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Have the kernel end this process by SIGTERM when its parent is gone, however that ended.

    parent: the parent's process id; it may be gone already, then this process ends here. The signal follows the
    parent's *thread*: the parent must start us from one that lives as long as itself.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit("the SIP process is gone")
