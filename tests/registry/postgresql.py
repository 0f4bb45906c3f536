"""A PostgreSQL server of the tests' own: on a Unix socket, under a user that is not root, gone with the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

USER = "ringfence"


def _binary(name: str) -> str | None:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / name).exists():
            return str(folder / name)
    return shutil.which(name)


@contextmanager
def cluster() -> Iterator[Path]:
    """The folder of the server's socket; skips where PostgreSQL is not installed."""
    initdb, server, control = (_binary(name) for name in ("initdb", "postgres", "pg_ctl"))
    if not (initdb and server and control):
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="rf-pg-", dir="/tmp"))
    try:
        as_user: list[str] = []
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(folder, "postgres", "postgres")
            as_user = ["runuser", "-u", "postgres", "--"]
        data = folder / "data"
        run = {"check": True, "cwd": "/", "stdout": subprocess.DEVNULL}
        # No waiting for the disk: what is tested here is the language, durability is tested elsewhere.
        subprocess.run(
            [*as_user, initdb, "-D", data, "-U", USER, "-A", "trust", "-N", "-E", "UTF8", "--locale=C"], **run
        )
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c shared_buffers=16MB -c max_connections=40"
        subprocess.run([*as_user, control, "-D", data, "-l", folder / "log", "-w", "-o", options, "start"], **run)
        try:
            yield folder
        finally:
            subprocess.run([*as_user, control, "-D", data, "-m", "immediate", "-w", "stop"], **run)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
