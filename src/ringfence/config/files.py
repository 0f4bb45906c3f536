"""Files read for one load of the configuration, each with a stamp by which a later change is seen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ringfence.config.faults import ConfigError, Fault

Stamp = tuple[int, int, int, int]
"""Device, inode, size in bytes, time of change in ns: what differs after an edit, a rename over it or a new link."""

StatFile = Callable[[Path], Stamp | None]


def stamp(path: Path) -> Stamp | None:
    """A file's stamp; None when it is not there or may not be looked at."""
    try:
        return _stamp(path.stat())
    except OSError:
        return None


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class Files:
    """Reads files and remembers what it read, files that could not be read included (stamp None)."""

    def __init__(self) -> None:
        self.stamps: dict[Path, Stamp | None] = {}

    def read(self, path: Path) -> bytes:
        """The whole file; raises OSError.

        The stamp is that of the open file before the first byte is read, so a change while reading shows later.
        """
        self.stamps[path] = None
        with path.open("rb") as file:
            self.stamps[path] = _stamp(os.fstat(file.fileno()))
            return file.read()

    def pieces(self, path: Path) -> Iterator[bytes]:
        """`read`, a MB at a time."""
        self.stamps[path] = None
        with path.open("rb") as file:
            self.stamps[path] = _stamp(os.fstat(file.fileno()))
            while piece := file.read(1 << 20):
                yield piece

    def walk(self, folder: Path) -> Iterator[Path]:
        """Every file under a folder; those that come or go later show by the stamps of the folders. Raises OSError."""
        self.stamps[folder] = stamp(folder)
        for path in sorted(folder.iterdir()):
            if path.name.startswith("."):
                continue
            if path.is_dir():
                yield from self.walk(path)
            else:
                yield path

    def read_config(self, path: Path) -> bytes:
        """`read`, with a fault for what the operator named on the command line; raises ConfigError."""
        try:
            return self.read(path)
        except OSError as error:
            raise ConfigError([Fault(str(path), 0, "", f"cannot be read: {error.strerror}")]) from None
