"""Which trunk a source belongs to: the most specific claim."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.trunks import ledger_of


def trunk(name: str, *sources: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "sources": list(sources)}


LEDGER = ledger_of(
    *[
        trunk("certificate", {"certificate": "PBX.example"}, {"certificate": "sip:two.example"}),
        trunk("port-and-transport", {"address": "192.0.2.1", "port": 5070, "transport": "tcp"}),
        trunk("port", {"address": "192.0.2.1", "port": 5070}),
        trunk("transport", {"address": "192.0.2.1", "transport": "tcp"}),
        trunk("address", {"address": "192.0.2.1"}),
        trunk("narrow", {"address": "192.0.2.0/28"}),
        trunk("wide", {"address": "192.0.0.0/16"}),
        trunk("wide-tls", {"address": "192.0.0.0/16", "transport": "tls"}),
        trunk("six", {"address": "2001:db8::1"}),
        trunk("six-net", {"address": "2001:db8::/32", "port": 5060}),
        trunk("mapped", {"address": "::ffff:198.51.100.0/120"}),
    ],
    generation=7,
)


@pytest.mark.parametrize(
    ("transport", "host", "port", "names", "expected"),
    [
        ("tcp", "192.0.2.1", 5070, (), "port-and-transport"),
        ("udp", "192.0.2.1", 5070, (), "port"),
        ("tcp", "192.0.2.1", 5060, (), "transport"),
        ("udp", "192.0.2.1", 5060, (), "address"),
        ("udp", "192.0.2.2", 5060, (), "narrow"),
        ("tls", "192.0.2.2", 5060, (), "narrow"),
        ("udp", "192.0.9.9", 5060, (), "wide"),
        ("tls", "192.0.9.9", 5060, (), "wide-tls"),
        ("udp", "203.0.113.1", 5060, (), None),
        ("udp", "2001:db8::1", 1234, (), "six"),
        ("udp", "2001:DB8:0::1", 1234, (), "six"),
        ("udp", "2001:db8::2", 5060, (), "six-net"),
        ("udp", "2001:db8::2", 5061, (), None),
        ("udp", "::ffff:192.0.2.1", 5060, (), "address"),
        ("udp", "198.51.100.9", 5060, (), "mapped"),
        ("udp", "::ffff:198.51.100.9", 5060, (), "mapped"),
        ("udp", "fe80::1%eth0", 5060, (), None),
        ("tls", "192.0.2.1", 5070, ("pbx.example",), "certificate"),
        ("tls", "203.0.113.1", 5070, ("sip:two.example",), "certificate"),
        ("tls", "192.0.9.9", 5070, ("stranger.example",), "wide-tls"),
        ("udp", "pbx.example", 5060, (), None),
        ("udp", "", 5060, (), None),
    ],
)
def test_most_specific_wins(transport: Any, host: str, port: int, names: tuple[str, ...], expected: str | None) -> None:
    found = LEDGER.by_source(transport, host, port, frozenset(names))
    assert (found.name if found else None) == expected


def test_generation_and_names() -> None:
    assert LEDGER.generation == 7
    assert LEDGER.trunks["six"].name == "six"
    assert ledger_of().by_source("udp", "192.0.2.1", 5060) is None
