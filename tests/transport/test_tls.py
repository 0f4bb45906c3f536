import asyncio
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from tests.transport.support import LOOPBACK, Authority, Heard, Opener

from ringfence.transport import connection
from ringfence.transport.errors import TransportError
from ringfence.transport.settings import ListenerSettings
from ringfence.transport.transports import Transports

OPTIONS = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n"


def settings(files: tuple[Path, Path], listener: dict[str, object] | None = None, **tls: object) -> ListenerSettings:
    return ListenerSettings.model_validate(
        {
            "name": "secure",
            "transport": "tls",
            "bind": "127.0.0.1:0",
            "tls": {"certificate": files[0], "key": files[1], **tls},
        }
        | (listener or {})
    )


async def test_mutual_tls_binds_names_to_both_ends(opened: Opener, authority: Authority) -> None:
    ca = authority.file
    trunk = authority.issue(
        "trunk", LOOPBACK, x509.DNSName("PBX.example.com"), x509.UniformResourceIdentifier("sip:Example.com")
    )
    gateway = authority.issue("gateway", LOOPBACK, x509.DNSName("switch.example.net"))
    near, heard = await opened(settings(trunk, gateway_ca=ca))
    far, far_heard = await opened(settings(gateway, client_ca=ca, require_client_certificate=True))
    endpoint = near.endpoint(0, "127.0.0.1", far.listeners[0].port)
    near.send([(endpoint, OPTIONS)])
    await far_heard.until(lambda: bool(far_heard.messages))
    came = far_heard.messages[0][1]
    assert came.certificate == {"pbx.example.com", "sip:example.com"}
    assert endpoint.certificate == {"switch.example.net"}
    far.send([(came, OPTIONS)])
    await heard.until(lambda: bool(heard.messages))
    assert heard.messages[0][1] is endpoint


async def test_a_name_must_be_the_gateways(opened: Opener, authority: Authority) -> None:
    files = authority.issue("gateway", x509.DNSName("switch.example.net"))
    near, heard = await opened(settings(files, gateway_ca=authority.file))
    far, far_heard = await opened(settings(files))
    port = far.listeners[0].port
    named = near.endpoint(0, "127.0.0.1", port, "switch.example.net")
    wrong = near.endpoint(0, "127.0.0.1", port, "other.example.net")
    by_address = near.endpoint(0, "127.0.0.1", port)
    near.send([(named, OPTIONS), (wrong, b"secret"), (by_address, b"secret")])
    await far_heard.until(lambda: bool(far_heard.messages))
    await heard.until(lambda: len(heard.unreachable) == 2)
    assert {endpoint for endpoint, _ in heard.unreachable} == {wrong, by_address}
    assert [data for data, _ in far_heard.messages] == [OPTIONS]
    assert near.stats()[0]["connect_failures"] == 2


async def test_a_strange_authority_is_refused_on_both_sides(
    opened: Opener, authority: Authority, tmp_path: Path
) -> None:
    strange = Authority(tmp_path, "strange")
    ours, theirs = authority.issue("ours", LOOPBACK), strange.issue("theirs", LOOPBACK)
    near, heard = await opened(settings(theirs, gateway_ca=strange.file))
    far, far_heard = await opened(settings(ours, client_ca=authority.file))
    endpoint = near.endpoint(0, "127.0.0.1", far.listeners[0].port)
    near.send([(endpoint, OPTIONS)])  # we do not know its authority
    await heard.until(lambda: bool(heard.unreachable))
    trusting, trusting_heard = await opened(settings(theirs, gateway_ca=authority.file))
    trusting.send([(trusting.endpoint(0, "127.0.0.1", far.listeners[0].port), OPTIONS)])  # it does not know ours
    await far_heard.until(lambda: far.stats()[0]["handshake_failures"] == 2)
    assert far_heard.messages == trusting_heard.messages == []
    assert far.stats()[0]["connections_accepted"] == 0


async def test_no_certificate_is_asked_for_or_needed_unless_set(opened: Opener, authority: Authority) -> None:
    files = authority.issue("server", LOOPBACK)
    client = ssl.create_default_context(cafile=authority.file)
    for tls in ({}, {"client_ca": authority.file}):
        transports, heard = await opened(settings(files, **tls))
        _, writer = await asyncio.open_connection("127.0.0.1", transports.listeners[0].port, ssl=client)
        writer.write(OPTIONS)
        await heard.until(lambda heard=heard: bool(heard.messages))
        assert heard.messages[0][1].certificate == frozenset()
        writer.close()
    strict, heard = await opened(settings(files, client_ca=authority.file, require_client_certificate=True))
    _, writer = await asyncio.open_connection("127.0.0.1", strict.listeners[0].port, ssl=client)
    writer.write(OPTIONS)  # in TLS 1.3 a client is done before the server has looked at its certificate
    await heard.until(lambda: strict.stats()[0]["handshake_failures"] == 1)
    assert heard.messages == []
    writer.close()


async def test_the_oldest_version_is_kept(opened: Opener, authority: Authority) -> None:
    files = authority.issue("server", LOOPBACK)
    transports, _ = await opened(settings(files, minimum_version="1.3"))
    old = ssl.create_default_context(cafile=authority.file)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", transports.listeners[0].port, ssl=old)


async def test_a_handshake_that_never_comes_frees_its_place(opened: Opener, authority: Authority) -> None:
    files = authority.issue("server", LOOPBACK)
    transports, heard = await opened(settings(files, {"connect_timeout": 0.1, "max_connections": 1}))
    reader, writer = await asyncio.open_connection("127.0.0.1", transports.listeners[0].port)
    await heard.until(lambda: transports.stats()[0]["connections_accepted"] == 1)
    with pytest.raises((ssl.SSLError, ConnectionError)):  # the one place is taken before any TLS
        client = ssl.create_default_context(cafile=authority.file)
        await asyncio.open_connection("127.0.0.1", transports.listeners[0].port, ssl=client)
    assert await reader.read() == b""
    await heard.until(lambda: transports.stats()[0]["connections_accepted"] == 0)
    assert transports.stats()[0]["handshake_failures"] == 1
    writer.close()


async def test_an_alias_turns_requests_onto_the_connection_that_came(opened: Opener, authority: Authority) -> None:
    switch = authority.issue("switch", LOOPBACK, x509.DNSName("switch.example.net"))
    ours = authority.issue("ours", LOOPBACK)
    near, heard = await opened(settings(ours, client_ca=authority.file, gateway_ca=authority.file))
    far, far_heard = await opened(settings(switch, gateway_ca=authority.file))
    far.send([(far.endpoint(0, "127.0.0.1", near.listeners[0].port), OPTIONS)])
    await heard.until(lambda: bool(heard.messages))
    came = heard.messages[0][1]
    port = far.listeners[0].port
    endpoint = near.endpoint(0, "127.0.0.1", port)
    assert endpoint is not came
    assert near.alias(came, port) is True
    assert near.endpoint(0, "127.0.0.1", port) is endpoint  # whoever holds it need not know
    named = near.endpoint(0, "127.0.0.1", port, "switch.example.net")
    near.send([(endpoint, OPTIONS), (named, OPTIONS)])
    await far_heard.until(lambda: len(far_heard.messages) == 2)
    assert near.stats()[0]["opened"] == 0
    near.send([(near.endpoint(0, "127.0.0.1", port, "other.example.net"), OPTIONS)])
    await heard.until(lambda: bool(heard.unreachable))  # dialled, and its certificate is another's
    for invented in range(1, 100):
        assert near.alias(came, invented) is True
    assert len(near._sockets[0]._aliases) == 1  # type: ignore[union-attr]
    assert near.alias(came, port) is True
    await far.close()
    await heard.until(lambda: near.stats()[0]["connections_accepted"] == 0)
    near.send([(endpoint, OPTIONS)])  # the connection is gone: this one dials, and nobody is there any more
    await heard.until(lambda: len(heard.unreachable) == 2)
    assert near.alias(came, port) is False


async def test_certificates_are_renewed_for_connections_to_come(
    opened: Opener, authority: Authority, tmp_path: Path
) -> None:
    files = authority.issue("server", LOOPBACK, x509.DNSName("old.example.com"))
    near, _ = await opened(settings(files, gateway_ca=authority.file))
    far, _ = await opened(settings(files))
    port = far.listeners[0].port
    authority.issue("server", LOOPBACK, x509.DNSName("new.example.com"))
    far.renew_certificates()
    endpoint = near.endpoint(0, "127.0.0.1", port)
    near.send([(endpoint, OPTIONS)])
    async with asyncio.timeout(5):
        while endpoint.connection is None:
            await asyncio.sleep(0.005)
    assert endpoint.certificate == {"new.example.com"}
    files[0].write_text("half written")
    with pytest.raises(TransportError, match="listener secure"):
        far.renew_certificates()
    other, _ = await opened(settings(authority.issue("other", LOOPBACK), gateway_ca=authority.file))
    second = other.endpoint(0, "127.0.0.1", port)
    other.send([(second, OPTIONS)])
    async with asyncio.timeout(5):
        while second.connection is None:
            await asyncio.sleep(0.005)
    assert second.certificate == {"new.example.com"}


@pytest.mark.parametrize("missing", ["certificate", "key", "client_ca", "gateway_ca"])
async def test_a_file_that_cannot_be_used_is_told(authority: Authority, tmp_path: Path, missing: str) -> None:
    certificate, key = authority.issue("server", LOOPBACK)
    tls: dict[str, object] = {"certificate": certificate, "key": key} | {missing: tmp_path / "none.pem"}
    part = ListenerSettings.model_validate({"name": "secure", "transport": "tls", "bind": "127.0.0.1:0", "tls": tls})
    heard = Heard()
    with pytest.raises(TransportError, match="listener secure"):
        await Transports([part]).open(heard.on_batch, heard.on_unreachable)


async def test_an_encrypted_key_does_not_ask_at_the_terminal(authority: Authority) -> None:
    from cryptography.hazmat.primitives import serialization

    certificate, key = authority.issue("server", LOOPBACK)
    secret = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"hidden"),
        )
    )
    heard = Heard()
    with pytest.raises(TransportError, match="encrypted"):
        await Transports([settings((certificate, key))]).open(heard.on_batch, heard.on_unreachable)


async def test_a_deaf_peer_is_cut_off_over_tls_too(
    opened: Opener, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "FLUSH", 0.05)
    files = authority.issue("server", LOOPBACK)
    transports, heard = await opened(settings(files, {"send_queue_bytes": 65_536}))
    client = ssl.create_default_context(cafile=authority.file)
    _, writer = await asyncio.open_connection("127.0.0.1", transports.listeners[0].port, ssl=client, limit=1024)
    writer.write(OPTIONS)
    await heard.until(lambda: bool(heard.messages))
    for _ in range(2_000):
        transports.send([(heard.messages[0][1], bytes(16_384))])
        await asyncio.sleep(0)
        if heard.unreachable:
            break
    assert transports.stats()[0]["slow_readers"] == 1
    writer.transport.abort()
