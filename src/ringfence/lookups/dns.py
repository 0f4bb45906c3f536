"""Where a SIP domain is served: NAPTR, SRV, A and AAAA as RFC 3263 §4 has them, cached by their TTL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ringfence.forwarding.gateways import Target
from ringfence.sip.address import Transport

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver as DnsResolver
    from dns.message import QueryMessage

QUERY_TIMEOUT = 2.0  # seconds for one name server
TOTAL_TIMEOUT = 4.0  # seconds for one question at all name servers
MAX_SERVERS = 16  # of one service's, looked up one after the other: a zone may name thousands, each as slow as it likes
MAX_ENTRIES = 10_000  # cached answers; the oldest goes first
MIN_TTL, MAX_TTL = 5.0, 86_400.0  # seconds: no zone makes us ask more often, or keeps us on a dead address for ever
NEGATIVE_TTL = 30.0  # seconds, at most, that "there is no such record" is believed (RFC 2308)
HOSTS = Path("/etc/hosts")
_SERVICES: dict[bytes, Transport] = {b"SIP+D2U": "udp", b"SIP+D2T": "tcp", b"SIPS+D2T": "tls"}
_SRV_NAMES: tuple[tuple[str, Transport], ...] = (("_sip._udp.", "udp"), ("_sip._tcp.", "tcp"), ("_sips._tcp.", "tls"))

Records = list[Any]


class Resolver:
    """Looks up next hops. Never raises: a name that leads nowhere is an empty list."""

    def __init__(
        self,
        dice: Callable[[], float],
        nameservers: Sequence[str] | None = None,
        port: int = 53,
        hosts: Path = HOSTS,
    ) -> None:
        """dice: for RFC 2782's weights. nameservers: addresses; None: the system's. hosts: names that need no DNS."""
        self._dice = dice
        self._hosts = hosts
        self._nameservers = nameservers
        self._port = port
        self._hosts_changed = 0
        self._hosts_names: dict[str, list[str]] = {}
        self._resolver: DnsResolver | None = None
        self._cache: dict[tuple[str, str], tuple[float, Records]] = {}
        self._asking: dict[tuple[str, str], asyncio.Task[Records]] = {}
        self.queries = 0
        self.failures = 0

    async def resolve(self, host: str, port: int | None, transport: Transport | None) -> list[Target]:
        """Targets for a URI's host, best first (§4.1, §4.2).

        transport: what the URI asks for; `tls` is never answered with anything less. port: §4.2: with one there is
        no NAPTR and no SRV.
        """
        try:
            ip_address(host)
        except ValueError:
            pass
        else:
            return [Target(transport or "udp", host, port or _default_port(transport))]
        if port is not None:
            return await self._addresses(host, port, transport or "udp")
        served = False
        for service, name in await self._services(host, transport):
            records = await self._query(name, "SRV")
            found = await self._servers(records, service)
            if found:
                return found
            served = served or bool(records)
        if served:
            return []  # §4.2: addresses stand in where there are no SRV records, not where these lead nowhere
        return await self._addresses(host, _default_port(transport), transport or "udp")

    async def _services(self, host: str, transport: Transport | None) -> list[tuple[Transport, str]]:
        """(transport, SRV name) in the order to try: NAPTR's, else every transport that may be meant (§4.1).

        A transport that the URI names leaves NAPTR nothing to choose; for `tls` it may still name the servers.
        """
        known = [] if transport in ("udp", "tcp") else await self._query(host, "NAPTR")
        naptr = [
            (record.order, record.preference, service, record.replacement.to_text(omit_final_dot=True))
            for record in known
            if record.flags.lower() == b"s" and (service := _SERVICES.get(record.service.upper())) is not None
        ]
        services = [(service, name) for _, _, service, name in sorted(naptr)]
        if not services:
            services = [(service, prefix + host) for prefix, service in _SRV_NAMES]
            if transport is None:
                services = services[:2]  # §4.1: TLS is for sips URIs and for those who ask for it
        return [(service, name) for service, name in services if transport in (None, service)]

    async def _servers(self, records: Records, transport: Transport) -> list[Target]:
        targets: list[Target] = []
        for record in self._by_weight(records)[:MAX_SERVERS]:
            server = record.target.to_text(omit_final_dot=True)
            if server:  # RFC 2782: a target of "." says that the service is decidedly not there
                targets += await self._addresses(server, record.port, transport)
        return targets

    def _by_weight(self, records: Records) -> Records:
        """RFC 2782: lowest priority first, within it drawn by weight, weight 0 last unless all have it."""
        drawn: Records = []
        rest = sorted(records, key=lambda record: record.priority)
        while rest:
            pool = [record for record in rest if record.priority == rest[0].priority]
            even = not any(record.weight for record in pool)
            mark = self._dice() * sum(even or record.weight for record in pool)
            chosen = pool[-1]
            for record in pool:
                mark -= even or record.weight
                if mark < 0:
                    chosen = record
                    break
            rest.remove(chosen)
            drawn.append(chosen)
        return drawn

    async def _addresses(self, host: str, port: int, transport: Transport) -> list[Target]:
        known = self._in_hosts(host)
        if known:
            return [Target(transport, address, port) for address in known]
        v4, v6 = await asyncio.gather(self._query(host, "A"), self._query(host, "AAAA"))
        return [Target(transport, record.address, port) for record in (*v4, *v6)]

    def _in_hosts(self, name: str) -> list[str]:
        """Addresses that this machine's own file gives a name, IPv4 first; read anew when the file changed."""
        try:
            changed = self._hosts.stat().st_mtime_ns
            if changed != self._hosts_changed:
                self._hosts_names = _hosts_file(self._hosts.read_text(encoding="utf-8", errors="replace"))
                self._hosts_changed = changed
        except OSError:
            return []
        return sorted(self._hosts_names.get(name.lower().rstrip("."), ()), key=lambda address: ":" in address)

    # -- questions to name servers ----------------------------------------------------------------------------

    async def _query(self, name: str, kind: str) -> Records:
        """Records of one kind, [] for none or for no answer; concurrent askers of one thing share one query."""
        key = (name.lower(), kind)
        loop = asyncio.get_running_loop()
        cached = self._cache.get(key)
        if cached is not None and loop.time() < cached[0]:
            return cached[1]
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = loop.create_task(self._ask(key))
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(task)

    async def _ask(self, key: tuple[str, str]) -> Records:
        # dnspython costs 0.15 s to import; most gateways are numeric and never need it.
        from dns.exception import DNSException
        from dns.resolver import NXDOMAIN, NoAnswer

        self.queries += 1
        now = asyncio.get_running_loop().time()
        try:
            answer = await self._dns().resolve(key[0], key[1], search=False, lifetime=TOTAL_TIMEOUT)
        except NXDOMAIN as error:
            return self._keep(key, now + _negative_ttl(next(iter(error.kwargs["responses"].values()))), [])
        except NoAnswer as error:
            return self._keep(key, now + _negative_ttl(error.kwargs["response"]), [])
        except (DNSException, OSError, ValueError):
            self.failures += 1
            stale = self._cache.get(key)
            # RFC 8767: old addresses are better than none while the name servers are silent.
            return self._keep(key, now + MIN_TTL, stale[1] if stale is not None else [])
        # An alias on the way may be shorter-lived than the address it leads to.
        ttl = min(max(float(answer.chaining_result.minimum_ttl), MIN_TTL), MAX_TTL)
        return self._keep(key, now + ttl, list(answer))

    def _keep(self, key: tuple[str, str], until: float, records: Records) -> Records:
        self._cache.pop(key, None)
        if len(self._cache) >= MAX_ENTRIES:
            del self._cache[next(iter(self._cache))]
        self._cache[key] = (until, records)
        return records

    def _dns(self) -> DnsResolver:
        if self._resolver is None:
            from dns.asyncresolver import Resolver as DnsResolver

            self._resolver = DnsResolver(configure=self._nameservers is None)
            if self._nameservers is not None:
                self._resolver.nameservers = list(self._nameservers)
                self._resolver.port = self._port
            self._resolver.timeout = QUERY_TIMEOUT
        return self._resolver

    def stats(self) -> dict[str, int]:
        """Counts since start, and how many answers are cached."""
        return {"queries": self.queries, "failures": self.failures, "cached": len(self._cache)}


def _negative_ttl(response: QueryMessage) -> float:
    """As long as the zone says (RFC 2308 §5), within our bounds."""
    from dns.exception import DNSException

    try:
        said = float(response.resolve_chaining().minimum_ttl)
    except DNSException:
        return MIN_TTL
    return min(max(said, MIN_TTL), NEGATIVE_TTL)


def _hosts_file(text: str) -> dict[str, list[str]]:
    """hosts(5): name in lower case to addresses; lines that are none are passed over."""
    names: dict[str, list[str]] = {}
    for line in text.splitlines():
        address, *rest = line.partition("#")[0].split() or [""]
        try:
            address = str(ip_address(address))
        except ValueError:
            continue
        for name in rest:
            names.setdefault(name.lower(), []).append(address)
    return names


def _default_port(transport: Transport | None) -> int:
    return 5061 if transport == "tls" else 5060
