"""Three primaries and a replica that form a Cluster, and a primary with a replica that Sentinels watch: real servers."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from tests.support.net import free_port
from tests.support.process import Process
from tests.support.valkey import find_valkey

from ringfence.lookups import Address, ClusterPlace, SentinelPlace
from ringfence.lookups.resp import NO_DATABASE
from ringfence.lookups.slots import SLOTS

HOST = "127.0.0.1"
SERVICE = "mymaster"
NODE_TIMEOUT = 1000  # ms without an answer after which a node is taken for dead


class Server:
    """One server on a loopback port, that may be killed and started again."""

    def __init__(self, folder: Path, name: str, *options: str, sentinel: str = "") -> None:
        self.port = free_port()
        self.bus = 0
        self._folder = folder / name
        self._folder.mkdir()
        self._options = list(options)
        self._sentinel = sentinel
        if sentinel:
            (self._folder / "sentinel.conf").write_text(f"port {self.port}\nbind {HOST}\n{sentinel}")
        self.process: Process
        self.start()

    def start(self) -> None:
        """Start it; returns when it answers PING."""
        line: list[str | Path] = [find_valkey()]
        if self._sentinel:
            line += [self._folder / "sentinel.conf", "--sentinel"]
        else:
            line += ["--port", str(self.port), "--bind", HOST, "--save", "", "--io-threads", "1", *self._options]
        self.process = Process(line, self._folder / "log", cwd=self._folder)
        with self.client() as client:
            self.process.wait_ready(lambda: _quietly(client.ping))

    def client(self) -> Redis:
        """redis-py on this server alone."""
        return Redis(host=HOST, port=self.port, socket_timeout=5)

    def do(self, *command: object) -> object:
        """One command."""
        with self.client() as client:
            return client.execute_command(*command)

    @property
    def address(self) -> Address:
        return Address(HOST, self.port)


class Cluster:
    """Primaries share the slots evenly, in their order; the replica is the first one's."""

    def __init__(self, folder: Path) -> None:
        self.primaries: list[Server] = []
        self.replica: Server | None = None
        try:
            for number in range(4):
                bus = free_port()
                options = ("--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT))
                server = Server(folder, f"c{number}", *options, "--cluster-port", str(bus))
                server.bus = bus
                if number < 3:
                    self.primaries.append(server)
                else:
                    self.replica = server
            self._join()
        except BaseException:
            self.kill()
            raise

    def _join(self) -> None:
        assert self.replica is not None
        for number, server in enumerate(self.primaries):
            begin, end = number * SLOTS // 3, (number + 1) * SLOTS // 3 - 1
            server.do("CLUSTER", "ADDSLOTSRANGE", begin, end)
            server.do("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for server in [*self.primaries[1:], self.replica]:
            server.do("CLUSTER", "MEET", HOST, self.primaries[0].port, self.primaries[0].bus)
        first = self.id_of(self.primaries[0])
        everybody = [*self.primaries, self.replica]
        wait(lambda: all(len(self.nodes(one)) == 4 for one in everybody), 20)
        wait(lambda: _quietly(lambda: self.replica.do("CLUSTER", "REPLICATE", first)), 20)  # type: ignore[union-attr]
        wait(lambda: all(b"cluster_state:ok" in _info(one) for one in everybody), 20)
        wait(lambda: b"master_link_status:up" in bytes_of(self.replica.do("INFO", "replication")), 20)  # type: ignore[union-attr]

    @property
    def place(self) -> ClusterPlace:
        return ClusterPlace(tuple(server.address for server in self.primaries))

    def nodes(self, server: Server) -> list[str]:
        return bytes_of(server.do("CLUSTER", "NODES")).decode().splitlines()

    def id_of(self, server: Server) -> str:
        return bytes_of(server.do("CLUSTER", "MYID")).decode()

    def owner(self, slot: int) -> Server:
        """The primary that had a slot when the cluster was made."""
        return next(one for number, one in enumerate(self.primaries) if slot < (number + 1) * SLOTS // 3)

    def begin_move(self, slot: int, source: Server, target: Server) -> None:
        """From now on the slot moves: keys that the source has no more are asked of the target."""
        target.do("CLUSTER", "SETSLOT", slot, "IMPORTING", self.id_of(source))
        source.do("CLUSTER", "SETSLOT", slot, "MIGRATING", self.id_of(target))

    def move_keys(self, slot: int, source: Server, target: Server, least: int = 0) -> None:
        """Move the slot's keys over, all but some."""
        while True:
            keys = source.do("CLUSTER", "GETKEYSINSLOT", slot, 100)
            assert isinstance(keys, list)
            some = keys[least:]
            if not some:
                return
            source.do("MIGRATE", HOST, target.port, "", 0, 5000, "KEYS", *some)

    def end_move(self, slot: int, source: Server, target: Server) -> None:
        """The slot is the target's."""
        identity = self.id_of(target)
        for server in (target, source, *self.primaries):
            server.do("CLUSTER", "SETSLOT", slot, "NODE", identity)

    def kill(self) -> None:
        for server in [*self.primaries, *([self.replica] if self.replica else [])]:
            if server.process.popen.poll() is None:
                server.process.kill()


class Sentinels:
    """A primary, its replica, and three Sentinels that replace the one by the other within seconds."""

    def __init__(self, folder: Path) -> None:
        self.servers: list[Server] = []
        self.watching: list[Server] = []
        try:
            self.servers.append(Server(folder, "primary"))
            self.servers.append(Server(folder, "replica", "--replicaof", f"{HOST} {self.servers[0].port}"))
            replica = self.servers[1]
            wait(lambda: b"master_link_status:up" in bytes_of(replica.do("INFO", "replication")), 20)
            settings = (
                f"sentinel monitor {SERVICE} {HOST} {self.servers[0].port} 2\n"
                f"sentinel down-after-milliseconds {SERVICE} 800\n"
                f"sentinel failover-timeout {SERVICE} 3000\n"
            )
            for number in range(3):
                self.watching.append(Server(folder, f"s{number}", sentinel=settings))
            wait(lambda: all(self._knows_all(one) for one in self.watching), 20)
        except BaseException:
            self.kill()
            raise

    def _knows_all(self, sentinel: Server) -> bool:
        said = bytes_of(sentinel.do("INFO", "sentinel")).decode()
        return "'slaves': 1, 'sentinels': 3" in said or "slaves=1,sentinels=3" in said

    @property
    def place(self) -> SentinelPlace:
        watching = tuple(Address(HOST, one.port, database=NO_DATABASE) for one in self.watching)
        return SentinelPlace(watching, SERVICE, Address())

    def kill(self) -> None:
        for server in [*self.watching, *self.servers]:
            if server.process.popen.poll() is None:
                server.process.kill()


def wait(holds: Callable[[], object], seconds: float) -> None:
    """Until it holds; fails when that takes too long."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it does not come about"
        time.sleep(0.05)


def bytes_of(value: object) -> bytes:
    """redis-py parses what it knows; INFO and CLUSTER replies are wanted as they are."""
    if isinstance(value, dict):
        return "\n".join(f"{name}:{said}" for name, said in value.items()).encode()
    return value if isinstance(value, bytes) else str(value).encode()


def _info(server: Server) -> bytes:
    return bytes_of(server.do("CLUSTER", "INFO"))


def _quietly(work: Callable[[], object]) -> bool:
    try:
        return bool(work())
    except RedisError:
        return False
