"""Addresses on loopback, and the one SIP question that every peer answers."""

from __future__ import annotations

import socket
import uuid
from pathlib import Path


def free_port(host: str = "127.0.0.1") -> int:
    """A port that is free for UDP and TCP now. Nobody holds it: another process may take it before its user does."""
    for _ in range(50):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
            stream.bind((host, 0))
            port: int = stream.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
                try:
                    datagram.bind((host, port))
                except OSError:
                    continue
                return port
    raise OSError(f"no port free for both UDP and TCP on {host}")


def answers_options(target: str, source: str = "127.0.0.1:0", seconds: float = 0.2) -> bool:
    """Whether OPTIONS sent from `source` to `target` (both `host:port`, UDP) gets a 200 in time."""
    host, port = split(target)
    key = uuid.uuid4().hex
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(seconds)
        sock.bind(split(source))
        here = "{}:{}".format(*sock.getsockname())
        sock.sendto(
            (
                f"OPTIONS sip:{host}:{port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{key};rport\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:probe@{here}>;tag={key[:8]}\r\nTo: <sip:{host}:{port}>\r\n"
                f"Call-ID: {key}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            ).encode(),
            (host, port),
        )
        try:
            return sock.recv(65535).startswith(b"SIP/2.0 200 ")
        except (TimeoutError, ConnectionRefusedError):
            return False


def split(address: str) -> tuple[str, int]:
    """`host:port` as the socket module wants it."""
    host, _, port = address.rpartition(":")
    return host, int(port)


def bound(address: str, transport: str = "udp") -> bool:
    """Whether a socket of this machine is bound to `host:port` (proc_net_tcp(5); IPv4)."""
    host, port = split(address)
    wanted = f"{int.from_bytes(socket.inet_aton(host), 'little'):08X}:{port:04X}"
    lines = Path(f"/proc/net/{transport}").read_text().splitlines()[1:]
    return any(line.split()[1] == wanted for line in lines)
