"""A name server on loopback for one zone that a test writes, over UDP and TCP."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset


class NameServer(asyncio.DatagramProtocol):
    """Answers from `zone`: (name, type) to (TTL, values). Aliases are followed as a resolving server does.

    asked: every question, in order, as (name, type, "udp" or "tcp"). truncate: UDP answers are cut, so that the
    asker comes again by TCP. silent: nobody gets an answer. refusing: everybody gets SERVFAIL.
    negative: the zone's SOA minimum in seconds, None for no SOA in negative answers.
    """

    def __init__(self, zone: dict[tuple[str, str], tuple[int, list[str]]]) -> None:
        self.zone = zone
        self.asked: list[tuple[str, str, str]] = []
        self.truncate = self.silent = self.refusing = False
        self.negative: int | None = 60
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    def types(self) -> list[str]:
        return [kind for _, kind, _ in self.asked]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # no subclass of it before Python 3.12

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._answer(data, "udp")
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)

    async def stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            answer = self._answer(await reader.readexactly(length), "tcp")
            if answer is not None:
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        finally:
            writer.close()

    def _answer(self, data: bytes, way: str) -> bytes | None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind, way))
        if self.silent:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if self.refusing:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif self.truncate and way == "udp":
            response.flags |= dns.flags.TC
        else:
            self._fill(response, name, kind)
        return response.to_wire()

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> None:
        while (name, "CNAME") in self.zone and kind != "CNAME":
            ttl, (target,) = self.zone[name, "CNAME"]
            response.answer.append(dns.rrset.from_text(f"{name}.", ttl, "IN", "CNAME", target))
            name = target.rstrip(".")
        if (name, kind) in self.zone:
            ttl, values = self.zone[name, kind]
            response.answer.append(dns.rrset.from_text(f"{name}.", ttl, "IN", kind, *values))
            return
        if not any(known == name for known, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        if self.negative is not None:
            soa = f"ns.test. admin.test. 1 3600 600 86400 {self.negative}"
            response.authority.append(dns.rrset.from_text("test.", self.negative, "IN", "SOA", soa))


@asynccontextmanager
async def name_server(zone: dict[tuple[str, str], tuple[int, list[str]]]) -> AsyncIterator[NameServer]:
    """Runs on one free port of 127.0.0.1 for UDP and TCP."""
    loop = asyncio.get_running_loop()
    served = NameServer(zone)
    streams = await asyncio.start_server(served.stream, "127.0.0.1", 0)
    served.port = streams.sockets[0].getsockname()[1]
    transport, _ = await loop.create_datagram_endpoint(lambda: served, local_addr=("127.0.0.1", served.port))
    try:
        yield served
    finally:
        transport.close()
        streams.close()
        await streams.wait_closed()
