"""New settings without a restart: all or nothing, and what is in force stays in force until all is well.

What a reload may change: gateways, trunks, their number files, screening and its rules, and the rest of the keys
that RESTART does not list. A file that changes one of RESTART is refused whole, with the line: so what the daemon
does is always what one generation of the file says, never a mixture.
"""

from __future__ import annotations

from collections.abc import Callable

from ringfence.config.faults import ConfigError, Fault
from ringfence.config.files import Files, StatFile, stamp
from ringfence.config.load import Bundle

RESTART = (
    "node", "data_directory", "workers", "listeners", "redis", "index", "roaming", "records", "trace",
    "clickhouse", "mirror", "control", "logging", "secrets", "reload", "voice",
)  # fmt: skip
"""Root keys that sockets, stores and keys were opened by."""

ReadBundle = Callable[[Files, int], Bundle]
"""Reads the configuration afresh as a generation; raises ConfigError."""


class Reloader:
    """Holds the configuration in force and replaces it when its files change or when asked.

    read: makes a bundle, telling `Files` what it read. status: the look at a file, injected for tests.
    Raises ConfigError when the first load fails: there is nothing to keep then.
    """

    def __init__(self, read: ReadBundle, status: StatFile = stamp) -> None:
        self._read = read
        self._status = status
        self._files = Files()
        self._pending: dict[object, object] | None = None
        self.current = read(self._files, 1)
        self.faults: list[Fault] = []

    def poll(self) -> bool:
        """Look at the files; reload once they changed and then held still for one more look.

        True when a reload was tried: `faults` says how it went. A file half written when it is first seen to
        differ would often be valid (a CSV file cut short names fewer numbers), hence the second look.
        """
        seen: dict[object, object] = {path: self._status(path) for path in self._files.stamps}
        if seen == self._files.stamps:
            self._pending = None
            return False
        if seen != self._pending:
            self._pending = seen
            return False
        self.reload()
        return True

    def reload(self) -> bool:
        """Read everything again; True when the new generation is in force, else `faults` says why not.

        Files that a failed try had read are watched from then on, so that mending any of them is noticed.
        """
        files = Files()
        self._pending = None
        try:
            bundle = self._read(files, self.current.generation + 1)
            refused = restart_faults(self.current, bundle)
        except ConfigError as error:
            refused = error.faults
        self._files = files
        self.faults = refused
        if not refused:
            self.current = bundle
        return not refused


def needs_restart(pattern: str) -> bool:
    """Whether a key (`listeners[].bind`) is one that RESTART lists, or under one."""
    return any(pattern == key or pattern.startswith((f"{key}.", f"{key}[")) for key in RESTART)


def restart_faults(old: Bundle, new: Bundle) -> list[Fault]:
    """A fault for each key of RESTART that differs."""
    return [
        new.source.fault((key,), "changing this needs a restart; nothing of this file is in force")
        for key in RESTART
        if getattr(old.settings, key) != getattr(new.settings, key)
    ]
