"""What only the running daemon shows: certificates on real connections, both IP versions, a restart, a refused TCP."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from tests.support.calls import Ends
from tests.support.daemon import Daemon
from tests.support.net import free_port, split
from tests.support.settings import add_tcp, daemon_settings
from tests.support.talk import answer, header, in_dialog, invite
from tests.transport.support import LOOPBACK, Authority

CALLER = "127.0.0.1"
NUMBER = "+8613800001000"


@pytest.fixture
def far(ends: Ends) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The caller's and the gateway's UDP sockets."""
    with socket.socket(type=socket.SOCK_DGRAM) as caller, socket.socket(type=socket.SOCK_DGRAM) as gateway:
        caller.bind(split(ends.caller))
        gateway.bind(split(ends.callee))
        caller.settimeout(5)
        gateway.settimeout(5)
        yield caller, gateway


def settings_of(ends: Ends) -> dict[str, Any]:
    settings = daemon_settings(ends.proxy, [CALLER], [ends.callee])
    add_tcp(settings)
    return settings


def of(method: bytes, sock: socket.socket) -> bytes:
    """The next message that begins so; repeats of others are passed over."""
    while True:
        data = sock.recv(65_535)
        if data.startswith(method):
            return data


def place(ends: Ends, far: tuple[socket.socket, socket.socket], **parts: Any) -> bytes:
    """A call from the caller; what reaches the gateway by UDP."""
    caller, gateway = far
    caller.sendto(invite(number=NUMBER, host=CALLER, **parts), split(ends.proxy))
    assert caller.recv(65_535).startswith(b"SIP/2.0 100 ")
    return of(b"INVITE ", gateway)


def test_a_dialog_outlives_the_daemon(ends: Ends, far: tuple[socket.socket, socket.socket], tmp_path: Path) -> None:
    caller, gateway = far
    before = Daemon(settings_of(ends), tmp_path / "ringfence", ends.caller.partition(":")[0] + ":0")
    try:
        forwarded = place(ends, far)
        gateway.sendto(answer(forwarded, 200), split(ends.proxy))
        of(b"SIP/2.0 200 ", caller)
    finally:
        before.stop()
    after = Daemon(settings_of(ends), tmp_path / "ringfence", ends.caller.partition(":")[0] + ":0")
    try:
        (route,) = header(forwarded, "Record-Route")
        bye = in_dialog("BYE", route, uri=f"sip:callee@{ends.callee}", host=CALLER)
        caller.sendto(bye, split(ends.proxy))
        gateway.sendto(answer(of(b"BYE ", gateway), 200), split(ends.proxy))
        assert b"CSeq: 2 BYE" in of(b"SIP/2.0 200 ", caller)
        forged = route.replace("rf-" + route[8:24], "rf-" + "A" * 16)
        caller.sendto(
            in_dialog("BYE", forged, uri=f"sip:callee@{ends.callee}", host=CALLER, branch="z9hG4bKforged"),
            split(ends.proxy),
        )
        assert of(b"SIP/2.0 4", caller).startswith(b"SIP/2.0 481 ")
    finally:
        after.stop()


def test_a_long_invite_goes_by_tcp_or_back_by_udp(
    ends: Ends, far: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    daemon = Daemon(settings_of(ends), tmp_path / "ringfence", CALLER + ":0")
    caller, gateway = far
    try:
        forwarded = place(ends, far, body="x" * 2000)  # nobody takes connections at the gateway
        assert header(forwarded, "Via")[0].startswith("SIP/2.0/UDP") and forwarded.endswith(b"x" * 2000)
        gateway.sendto(answer(forwarded, 200), split(ends.proxy))
        of(b"SIP/2.0 200 ", caller)
        with socket.create_server(split(ends.callee)) as listening:
            listening.settimeout(5)
            again = invite(number=NUMBER, host=CALLER, body="x" * 2000, branch="z9hG4bKtcp", call_id="tcp")
            caller.sendto(again, split(ends.proxy))
            connection, _ = listening.accept()
            with connection, connection.makefile("rwb") as stream:
                head = b"".join(iter(stream.readline, b"\r\n"))
                assert head.startswith(b"INVITE ") and b"\r\nVia: SIP/2.0/TCP " in head
                outgoing, incoming = header(head + b"\r\n", "Record-Route")  # RFC 5658
                assert ";transport=tcp" in outgoing and "transport" not in incoming
                stream.write(answer(head + b"\r\n", 200))
                stream.flush()
                assert b"Call-ID: tcp" in of(b"SIP/2.0 200 ", caller)
    finally:
        daemon.stop()


def test_a_port_that_nobody_has_is_known_at_once(
    ends: Ends, far: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    """By ICMP, which quotes the beginning of the INVITE only: well before `no_answer` and the first repeat."""
    settings = daemon_settings(ends.proxy, [CALLER], [ends.second_callee, ends.callee])
    settings["gateways"]["default"]["no_answer"] = "30s"
    settings["sip"] = {"timers": {"t1": "10s", "t2": "10s"}}
    daemon = Daemon(settings, tmp_path / "ringfence", CALLER + ":0")
    try:
        caller, gateway = far
        forwarded = place(ends, far, body="x" * 700)
        gateway.sendto(answer(forwarded, 404), split(ends.proxy))
        assert of(b"SIP/2.0 404 ", caller)
    finally:
        daemon.stop()


def test_from_ipv4_to_ipv6_and_back(ends: Ends, far: tuple[socket.socket, socket.socket], tmp_path: Path) -> None:
    caller, _ = far
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six:
        six.bind(("::1", 0))
        six.settimeout(5)
        settings = daemon_settings(ends.proxy, [CALLER], [f"[::1]:{six.getsockname()[1]}"])
        port = free_port("127.0.0.1")
        settings["listeners"].append({"name": "six", "transport": "udp", "bind": f"[::1]:{port}"})
        daemon = Daemon(settings, tmp_path / "ringfence", CALLER + ":0")
        try:
            caller.sendto(invite(number=NUMBER, host=CALLER), split(ends.proxy))
            forwarded = of(b"INVITE ", six)
            outgoing, incoming = header(forwarded, "Record-Route")
            assert f"@[::1]:{port};lr" in outgoing and f"@{ends.proxy};lr" in incoming
            six.sendto(answer(forwarded, 200), ("::1", port))
            of(b"SIP/2.0 200 ", caller)
            bye = in_dialog(
                "BYE", f"{outgoing}, {incoming}", uri=f"sip:bank@{ends.caller}", from_tag="callee-tag",
                to_tag="caller-tag", host="[::1]",
            )  # fmt: skip
            six.sendto(bye, ("::1", port))
            there = of(b"BYE ", caller)
            assert header(there, "Via")[0].startswith(f"SIP/2.0/UDP {ends.proxy};") and not header(there, "Route")
            caller.sendto(answer(there, 200), split(ends.proxy))
            assert of(b"SIP/2.0 200 ", six)
        finally:
            daemon.stop()


def test_a_certificate_is_a_trunk_and_nothing_else_is(
    ends: Ends, far: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "authority")
    certificate, key = authority.issue("proxy", LOOPBACK)
    pbx = authority.issue("pbx", x509.DNSName("PBX.example.com"))
    other = authority.issue("other", x509.DNSName("other.example.com"))
    host = ends.proxy.partition(":")[0]
    port = free_port(host)
    settings = settings_of(ends)
    tls = {"certificate": str(certificate), "key": str(key), "client_ca": str(authority.file)}
    settings["listeners"].append({"name": "tls", "transport": "tls", "bind": f"{host}:{port}", "tls": tls})
    settings["trunks"].append({**settings["trunks"][0], "name": "pbx", "sources": [{"certificate": "pbx.example.com"}]})
    daemon = Daemon(settings, tmp_path / "ringfence", CALLER + ":0")
    try:
        for number, shown in enumerate((pbx, other, None)):
            with connected(authority, host, port, shown) as stream:
                here = stream.getsockname()[0]
                call = invite(
                    number=NUMBER, host=here, branch=f"z9hG4bKtls{number}", call_id=f"tls{number}",
                    uri=f"sips:+8613900001000@{host}:{port}",
                )  # fmt: skip
                stream.sendall(call.replace(b"SIP/2.0/UDP", b"SIP/2.0/TLS"))
                if shown is not pbx:
                    with pytest.raises(TimeoutError):
                        stream.recv(65_535)
                    continue
                assert stream.recv(65_535).startswith(b"SIP/2.0 100 ")
                forwarded = of(b"INVITE ", far[1])
                outgoing, incoming = header(forwarded, "Record-Route")
                assert outgoing.startswith("<sip:") and incoming.startswith("<sips:")
                far[1].sendto(answer(forwarded, 404), split(ends.proxy))
                assert stream.recv(65_535).startswith(b"SIP/2.0 404 ")
                stream.sendall(b"\r\n\r\n")
                assert stream.recv(65_535) == b"\r\n"  # RFC 5626 §3.5.1
    finally:
        daemon.stop()


def connected(authority: Authority, host: str, port: int, shown: tuple[Path, Path] | None) -> ssl.SSLSocket:
    """A TLS connection from an address that is no trunk's."""
    context = ssl.create_default_context(cafile=authority.file)
    context.check_hostname = False
    if shown is not None:
        context.load_cert_chain(*shown)
    stream = context.wrap_socket(socket.create_connection((host, port), source_address=("127.0.0.8", 0)))
    stream.settimeout(1)
    return stream
