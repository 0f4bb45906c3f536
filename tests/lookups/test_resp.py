import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from redis import Redis
from tests.support.asking import until
from tests.support.scripted_store import scripted_store, tls_front

from ringfence.lookups import Address, StoreError, address_of
from ringfence.lookups.embedded import EmbeddedStore
from ringfence.lookups.questions import command
from ringfence.lookups.resp import RespConnection

PING = command(b"PING")


class Far:
    """What one connection brought."""

    def __init__(self) -> None:
        self.replies: list[object] = []
        self.lost = 0

    def is_lost(self) -> None:
        self.lost += 1


@asynccontextmanager
async def connected(address: Address, timeout: float = 5.0) -> AsyncIterator[tuple[RespConnection, Far]]:
    far = Far()
    connection = await RespConnection.connect(address, timeout, far.replies.append, far.is_lost)
    try:
        yield connection, far
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://h", Address("h", 6379)),
        ("redis://h:6380/3", Address("h", 6380, database=3)),
        ("rediss://[::1]/", Address("::1", 6379, tls=True)),
        ("unix:///run/a%20b.sock?db=2", Address(path="/run/a b.sock", database=2)),
    ],
)
def test_urls_are_taken_apart(url: str, address: Address):
    assert address_of(url, None, None, None) == address


@pytest.mark.parametrize("url", ["redis://h:port/0", "redis://h:99999", "redis://h/zero", "unix:///a?db=x"])
def test_a_url_without_sense_names_its_setting(url: str):
    with pytest.raises(StoreError, match=r"redis\.url"):
        address_of(url, None, None, None)


async def test_replies_come_in_order_and_large_ones_whole(store: EmbeddedStore, reader: Redis):
    large = b"x" * 300_000
    async with connected(Address(path=str(store.socket))) as (connection, far):
        for index in range(100):
            connection.write(command(b"ECHO", b"%d" % index))
        connection.write(command(b"ECHO", large))
        await until(lambda: len(far.replies) == 101)
        assert far.replies == [b"%d" % index for index in range(100)] + [large]
        assert [one["resp"] for one in reader.client_list() if one["name"] == "ringfence"] == ["3"]


async def test_all_writes_of_a_turn_are_one(folder: Path):
    reads: list[bytes] = []

    async def serve(stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await stream.read(65536):
            reads.append(data)
            writer.write(b"%1\r\n+proto\r\n:3\r\n+OK\r\n" if b"HELLO" in data else b"+PONG\r\n" * data.count(b"PING"))
        writer.close()

    server = await asyncio.start_unix_server(serve, folder / "s")
    async with connected(Address(path=str(folder / "s"))) as (connection, far):
        for _ in range(30):
            connection.write(PING)
        await until(lambda: len(far.replies) == 30)
        assert reads[1:] == [PING * 30]
    server.close()


async def test_it_greets_with_name_password_and_database(folder: Path):
    async with scripted_store(folder / "s", lambda _: b"") as store:
        address = Address(path=str(folder / "s"), username="rf", password="hunter2", database=3)
        async with connected(address):
            assert store.greetings == [
                [b"HELLO", b"3", b"AUTH", b"rf", b"hunter2", b"SETNAME", b"ringfence"],
            ]


async def test_a_real_server_checks_the_password_and_takes_the_database(store: EmbeddedStore, reader: Redis):
    reader.config_set("requirepass", "hunter2")
    path = str(store.socket)
    async with connected(Address(path=path, password="hunter2", database=5)) as (connection, far):
        connection.write(command(b"SET", b"a", b"1"))
        await until(lambda: far.replies == [b"OK"])
    with pytest.raises(StoreError) as caught:
        async with connected(Address(path=path, password="wrong")):
            pass
    assert "WRONGPASS" in str(caught.value)
    with pytest.raises(StoreError, match="NOAUTH"):
        async with connected(Address(path=path)):
            pass
    with Redis(unix_socket_path=path, password="hunter2", db=5) as client:
        assert client.get("a") == b"1"


async def test_a_reply_in_pieces_is_one_reply(folder: Path):
    async with (
        scripted_store(folder / "s", lambda _: b"") as store,
        connected(Address(path=str(folder / "s"))) as (connection, far),
    ):
        connection.write(PING)
        await until(lambda: store.commands == [[b"PING"]])
        for index in range(12):
            store.writers[0].write(b"$5\r\nhello\r\n\r\n"[index : index + 1])
            await asyncio.sleep(0)
            assert far.replies in ([], [b"hello"])
        await until(lambda: far.replies == [b"hello"])


async def test_push_messages_are_nobody_s_reply(folder: Path):
    push = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n"
    async with scripted_store(folder / "s", lambda _: push + b"+one\r\n" + push) as store:
        store.hello = push + store.hello
        async with connected(Address(path=str(folder / "s"))) as (connection, far):
            connection.write(PING + PING)
            await until(lambda: len(far.replies) == 2)
            assert far.replies == [b"one", b"one"]


async def test_real_push_messages_too(store: EmbeddedStore, reader: Redis):
    async with connected(Address(path=str(store.socket))) as (connection, far):
        connection.write(command(b"CLIENT", b"TRACKING", b"ON", b"BCAST"))
        await until(lambda: far.replies == [b"OK"])
        reader.set("a", "1")
        connection.write(command(b"GET", b"a"))
        await until(lambda: far.replies == [b"OK", b"1"])


async def test_what_is_not_the_language_ends_the_connection(folder: Path):
    async with scripted_store(folder / "s", lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n"):
        async with connected(Address(path=str(folder / "s"))) as (connection, far):
            connection.write(PING)
            await until(lambda: far.lost == 1)
            assert not connection.usable
            assert far.replies == []
            connection.write(PING)  # swallowed: nobody is there
            await asyncio.sleep(0)


async def test_a_far_end_that_goes_is_told_once_and_our_own_end_is_not(folder: Path):
    async with scripted_store(folder / "s", lambda _: b"") as store:
        async with connected(Address(path=str(folder / "s"))) as (connection, far):
            store.writers[0].close()
            await until(lambda: far.lost == 1)
            assert not connection.usable
        async with connected(Address(path=str(folder / "s"))) as (connection, far):
            pass
        await until(lambda: not store.writers)
        assert far.lost == 0


async def test_a_severed_connection_is_told_like_a_lost_one(store: EmbeddedStore):
    async with connected(Address(path=str(store.socket))) as (connection, far):
        connection.sever()
        assert not connection.usable
        await until(lambda: far.lost == 1)


@pytest.mark.parametrize(
    ("hello", "said"),
    [
        (b"-ERR unknown command 'HELLO'\r\n", "refused the greeting: ERR unknown command"),
        (b"-NOPROTO sorry\r\n", "NOPROTO"),
        (b"what?\r\n", "closed the connection at the greeting"),
        (b"", "no answer in time"),
    ],
)
async def test_a_greeting_that_fails_says_why_and_leaves_nothing_open(folder: Path, hello: bytes, said: str):
    async with scripted_store(folder / "s", lambda _: b"") as store:
        store.hello = hello
        if not hello:
            store._said = lambda _: b""  # type: ignore[method-assign] # not even to SELECT
        with pytest.raises(StoreError, match=said):
            async with connected(Address(path=str(folder / "s")), timeout=0.3):
                pass
        await until(lambda: store.connections == 1 and not store.writers)


@pytest.mark.parametrize("address", [Address(path="/nowhere/s"), Address("127.0.0.1", 1), Address("a" * 80 + ".test")])
async def test_nobody_there(address: Address):
    with pytest.raises(StoreError, match="cannot be reached"):
        async with connected(address, timeout=2):
            pass


async def test_giving_up_while_it_greets_closes_the_connection(folder: Path):
    async with scripted_store(folder / "s", lambda _: b"") as store:
        store._said = lambda _: b""  # type: ignore[method-assign]
        far = Far()
        task = asyncio.create_task(
            RespConnection.connect(Address(path=str(folder / "s")), 60, far.replies.append, far.is_lost)
        )
        await until(lambda: store.connections == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: not store.writers)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signed itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    own, secret = folder / f"{name}.pem", folder / f"{name}.key"
    own.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return own, secret


async def test_tls_is_spoken_and_the_certificate_is_checked(store: EmbeddedStore, folder: Path):
    own, secret = certificate(folder, "store")
    other, _ = certificate(folder, "stranger")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own, secret)
    async with tls_front(store.socket, context) as port:
        url = f"rediss://127.0.0.1:{port}/1"
        async with connected(address_of(url, None, None, str(own))) as (connection, far):
            connection.write(command(b"ECHO", b"hidden"))
            await until(lambda: far.replies == [b"hidden"])
        with pytest.raises(StoreError, match="certificate"):
            async with connected(address_of(url, None, None, str(other))):
                pass
    with pytest.raises(StoreError, match="cannot be reached"):
        async with connected(address_of(url, None, None, str(folder / "missing.pem"))):
            pass
