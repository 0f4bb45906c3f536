"""Two carriers with a registry each, keys of their own, and a clock that the test moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ringfence.registry.actors import Actor
from ringfence.registry.opening import open_signer
from ringfence.registry.register import Registry
from ringfence.registry.settings import RegistrySettings
from ringfence.tracing.book import TraceBook
from ringfence.tracing.messages import Asked
from ringfence.tracing.peers import open_peers
from ringfence.tracing.settings import TraceSettings

OFFICER = Actor("officer:lin", "officer", "10.0.0.1")
CALLER, CALLEE = "+861012345678", "+8613900000001"
AT = "2026-11-24T10:15:00.000+08:00"


class Clock:
    """Epoch seconds."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def key_of(folder: Path) -> Path:
    """The public key of whose data folder it is."""
    file = folder.parent / f"{folder.name}.pem"
    folder.mkdir(exist_ok=True)
    file.write_bytes(open_signer(RegistrySettings(), folder).public)
    return file


def book_of(registry: Registry, folder: Path, peers: dict[str, Path], clock: Clock, **more: Any) -> TraceBook:
    """peers: name to data folder. more: other settings; `urls`: by peer."""
    urls = more.pop("urls", {})
    settings = TraceSettings.model_validate(
        {
            "name": folder.name,
            "peers": [
                {"name": name, "key_file": key_of(place), "holder": f"Holder {name}", "url": urls.get(name)}
                for name, place in peers.items()
            ],
            **more,
        }
    )
    return TraceBook(registry, open_peers(settings, RegistrySettings(), folder, folder.name), settings, clock)


def call(**more: Any) -> dict[str, Any]:
    """A call as `warehouse.telling` tells of it in full."""
    return {
        "record": 7,
        "at": AT,
        "call_id": "c1@trunk",
        "in": {
            "trunk": "to-b",
            "holder": "Holder b",
            "kind": "interconnect",
            "connected_by": "Zhang Wei",
            "source": "192.0.2.9:5060",
            "transport": "udp",
        },
        "shown": {"number": CALLER, "class": "", "region": "", "from": f"<sip:{CALLER}@192.0.2.9>;tag=1"},
        "asserted": [f"<sip:{CALLER}@b.example>"],
        "caller": {"number": CALLER, "class": "", "region": ""},
        "callee": {"number": CALLEE, "class": "", "region": ""},
        "verdict": {"action": "forward", "reason": "", "points": 0.0},
        "out": {"gateway": "switch/1", "address": "udp:198.51.100.1:5060", "tried": ["switch/1"]},
        **more,
    }


def asked(**more: Any) -> Asked:
    return Asked.model_validate(
        {"callee": CALLEE, "caller": CALLER, "at": AT, "call_id": "c1@trunk", "handed_over": "udp 192.0.2.9:5060"}
        | more
    )
