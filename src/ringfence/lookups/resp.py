"""A thin pipelined RESP3 connection: bytes out, replies in their order. hiredis reads, nothing is retried."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, cast
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis

from ringfence.lookups.errors import StoreError
from ringfence.lookups.questions import command

NO_DATABASE = -1


class Address(NamedTuple):
    """Where one server is. path: Unix socket, else host and port; password: None for none.

    database: NO_DATABASE where there is nothing to select (Sentinel).
    """

    host: str = ""
    port: int = 6379
    path: str = ""
    tls: bool = False
    database: int = 0
    username: str | None = None
    password: str | None = None
    ca: str | None = None

    def __str__(self) -> str:
        """For people: no password."""
        return self.path or (f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}")


class ClusterPlace(NamedTuple):
    """A Redis Cluster, found from any of its servers."""

    seeds: tuple[Address, ...]


class SentinelPlace(NamedTuple):
    """A master that Sentinels watch under a name; server: how to log in to it, without host and port."""

    sentinels: tuple[Address, ...]
    service: str
    server: Address


Place = Address | ClusterPlace | SentinelPlace
_SENTINEL_PORT = 26379


def place_of(
    url: str, username: str | None, password: str | None, ca: str | None, sentinel: tuple[str | None, str | None]
) -> Place:
    """A store's URL taken apart: `redis://`, `rediss://`, `unix://` name one server, `redis+cluster://` some servers of
    a cluster, `redis+sentinel://` some Sentinels, the master's name and its database.

    sentinel: user and password at the Sentinels. Raises StoreError.
    """
    scheme, _, rest = url.partition("://")
    base, _, kind = scheme.partition("+")
    if not kind:
        return address_of(url, username, password, ca)
    hosts, _, path = rest.partition("/")
    common = Address(tls=base == "rediss", username=username, password=password, ca=ca)
    if kind == "cluster":
        return ClusterPlace(tuple([common._replace(host=host, port=port) for host, port in _hosts(hosts, 6379)]))
    service, _, database = path.partition("/")
    if not service or not (database or "0").isdecimal():
        raise StoreError("redis.url: behind the Sentinels stands the master's name: redis+sentinel://host:26379/NAME/0")
    user, secret = sentinel
    watch = common._replace(username=user, password=secret, database=NO_DATABASE)
    return SentinelPlace(
        tuple([watch._replace(host=host, port=port) for host, port in _hosts(hosts, _SENTINEL_PORT)]),
        unquote(service),
        common._replace(database=int(database or 0)),
    )


def _hosts(text: str, port: int) -> list[tuple[str, int]]:
    """`a:1,b,[::1]:2`. Raises StoreError."""
    found = []
    for one in text.split(","):
        parts = urlsplit(f"//{one}")
        try:
            found.append((parts.hostname or "", parts.port or port))
        except ValueError:
            raise StoreError(f"redis.url: the port of {one} is no number") from None
        if not parts.hostname:
            raise StoreError("redis.url names no host")
    return found


def address_of(url: str, username: str | None, password: str | None, ca: str | None) -> Address:
    """A `redis://`, `rediss://` or `unix://` URL taken apart. Raises StoreError."""
    parts = urlsplit(url)
    try:
        if parts.scheme == "unix":
            database = int(parse_qs(parts.query).get("db", ["0"])[0])
            return Address(path=unquote(parts.path), database=database, username=username, password=password)
        database = int(parts.path.strip("/") or 0)
        return Address(
            parts.hostname or "", parts.port or 6379, "", parts.scheme == "rediss", database, username, password, ca
        )
    except ValueError:
        raise StoreError("redis.url: its port or database is no number") from None


class RespConnection(asyncio.Protocol):
    """One connection. Replies go to `on_reply` in the order of the commands; push messages to nobody."""

    def __init__(self, on_reply: Callable[[object], None], on_lost: Callable[[], None]) -> None:
        self._on_reply = on_reply
        self._on_lost = on_lost
        self._reader = hiredis.Reader(notEnoughData=_NOTHING)
        self._transport: asyncio.Transport | None = None
        self._greeting: asyncio.Future[None] | None = None
        self._greetings_due = 0
        self._loop = asyncio.get_running_loop()
        self.usable = False

    @classmethod
    async def connect(
        cls, address: Address, timeout: float, on_reply: Callable[[object], None], on_lost: Callable[[], None]
    ) -> RespConnection:
        """Connect and greet (HELLO 3, AUTH, SELECT). Raises StoreError; timeout in seconds for all of it."""
        loop = asyncio.get_running_loop()
        connection = cls(on_reply, on_lost)
        try:
            async with asyncio.timeout(timeout):
                if address.path:
                    await loop.create_unix_connection(lambda: connection, address.path)
                else:
                    context = _trust(address.ca) if address.tls else None
                    await loop.create_connection(lambda: connection, address.host, address.port, ssl=context)
                await connection._greet(address)
        except (OSError, TimeoutError, UnicodeError) as error:  # the last: a host that is no name
            connection.close()
            raise StoreError(f"the store cannot be reached: {str(error) or 'no answer in time'}") from None
        except BaseException:
            connection.close()
            raise
        connection.usable = True
        return connection

    async def _greet(self, address: Address) -> None:
        assert self._transport is not None
        hello = [b"HELLO", b"3"]
        if address.password is not None:
            hello += [b"AUTH", (address.username or "default").encode(), address.password.encode()]
        hello += [b"SETNAME", b"ringfence"]
        greeting = command(*hello)
        self._greetings_due = 1
        if address.database != NO_DATABASE:
            greeting += command(b"SELECT", b"%d" % address.database)
            self._greetings_due = 2
        self._greeting = self._loop.create_future()
        self._transport.write(greeting)
        await self._greeting

    def write(self, data: bytes) -> None:
        """Send whole commands; uvloop sends what was written in a turn at its end, by one call of the kernel."""
        if self.usable and self._transport is not None:
            self._transport.write(data)

    def sever(self) -> None:
        """Give it up, as a far end that went would have: `on_lost` is called."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """End it; `on_lost` is not called for this."""
        self.usable = False
        self._on_lost = _nobody
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio.Protocol -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is connected."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Hand out every whole reply."""
        reader = self._reader
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not _NOTHING:
                if type(reply) is hiredis.PushNotification:
                    continue
                if self._greetings_due:
                    self._greeted(reply)
                else:
                    self._on_reply(reply)
        except hiredis.ProtocolError:
            # Not a store's language: nothing behind this point can be told apart.
            self.sever()

    def connection_lost(self, exc: Exception | None) -> None:
        """The far end is gone."""
        self.usable = False
        if self._greeting is not None and not self._greeting.done():
            self._greeting.set_exception(StoreError("the store closed the connection at the greeting"))
        self._on_lost()

    def _greeted(self, reply: object) -> None:
        self._greetings_due -= 1
        assert self._greeting is not None
        if self._greeting.done():
            return
        if isinstance(reply, hiredis.ReplyError):
            self._greeting.set_exception(StoreError(f"the store refused the greeting: {str(reply)[:80]}"))
        elif self._greetings_due == 0:
            self._greeting.set_result(None)


@lru_cache(maxsize=4)
def _trust(ca: str | None) -> ssl.SSLContext:
    """Read once: the system's authorities take 20 ms, and a lost store is tried again from the call path's loop."""
    return ssl.create_default_context(cafile=ca)


class _Nothing:
    """What the reader gives while a reply is not whole; None is a reply."""


_NOTHING = _Nothing()


def _nobody() -> None:
    return None
