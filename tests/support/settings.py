"""Settings of a daemon on loopback, as small as they can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.net import split

HOLDER = "Example Call Centre"
Rules = Mapping[str, Mapping[str, Any]]

# Rules that ask a store; without them a daemon screens from memory alone.
NO_STORE: Rules = {name: {"mode": "off"} for name in ("consent", "harassment_score", "rate", "callee_frequency")}


def daemon_settings(
    listen: str, sources: Sequence[str], gateways: Sequence[str], rules: Rules = NO_STORE
) -> dict[str, Any]:
    """One UDP listener, one trunk that may show +86138…, one group of unprobed gateways in order of priority.

    listen, gateways: `host:port`. sources: addresses of the trunk. rules: as under `screening.rules`.
    """
    return {
        "listeners": [{"name": "inside", "transport": "udp", "bind": listen}],
        "gateways": {
            "default": {
                "probe": {"enabled": False},
                "targets": [{"uri": f"sip:{gateway}", "priority": place} for place, gateway in enumerate(gateways, 1)],
            }
        },
        "trunks": [
            {
                "name": "trunk",
                "holder": HOLDER,
                "kind": "enterprise",
                "sources": [{"address": address} for address in sources],
                "numbers": [{"prefix": "+86138"}],
                "trust_identity": True,
            }
        ],
        "screening": {"rules": {name: dict(rule) for name, rule in rules.items()}},
        "control": {"enabled": False},
        "reload": {"watch": False},
    }


def add_tcp(settings: dict[str, Any]) -> None:
    """Listen on the first listener's address by TCP too."""
    host, port = split(settings["listeners"][0]["bind"])
    settings["listeners"].append({"name": "inside_tcp", "transport": "tcp", "bind": f"{host}:{port}"})
