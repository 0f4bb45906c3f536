"""ringfence's settings for each share of screening that is measured."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

from tests.support.net import split
from tests.support.settings import NO_STORE, Rules, daemon_settings

from ringfence.screening.discovery import RULES

DIGEST_KEY = "digest.key"  # beside the store's socket
_OFF = {"mode": "off"}
_NEVER = 1_000_000_000  # calls of one caller in the window: the look-up is paid for, nobody is over the limit

_ALWAYS = ["00:00-24:00"]
_RULES: dict[str, Rules] = {
    "off": {name: _OFF for name in RULES if name != "emergency"},
    "memory": NO_STORE,
    "store": {
        "consent": {"mode": "enforce"},
        "harassment_score": {"mode": "enforce"},
        "rate": {"mode": "enforce", "limit": _NEVER, "window": "60s"},
        # Permitted, whatever the time of day here is, and not the callee's fourth call of a moment.
        "calling_hours": {"mode": "enforce", "hours": {"workday": _ALWAYS, "weekend": _ALWAYS, "holiday": _ALWAYS}},
        "callee_frequency": {"mode": "enforce", "limits": [{"calls": 4, "window": "1s"}]},
    },
}


class Screening(Enum):
    """How much of the screening is at work, and which way leads to the store."""

    OFF = "off"
    MEMORY = "memory"
    STORE = "store"
    STORE_TCP = "store_tcp"


def ringfence_settings(
    listen: str,
    caller: str,
    callee: str,
    folder: Path,
    store: Path,
    store_port: int,
    screening: Screening,
    records: bool = True,
) -> dict[str, Any]:
    """The daemon's settings; addresses are `host:port`, `store` is the socket of the benchmark's own Valkey."""
    rules = _RULES[screening.value.removesuffix("_tcp")]
    settings = daemon_settings(listen, [split(caller)[0]], [callee], rules)
    # Every trunk's call asks for consent only where it sells something.
    settings["trunks"][0]["marketing"] = screening in (Screening.STORE, Screening.STORE_TCP)
    tcp = f"redis://127.0.0.1:{store_port}/0"
    settings["data_directory"] = str(folder)
    settings["records"] = {"enabled": records}
    settings["redis"] = {
        "url": tcp if screening is Screening.STORE_TCP else f"unix://{store}",
        "digest_key_file": str(store.with_name(DIGEST_KEY)),
        "deadline": "1s",  # a machine that stands still for a moment shows in the latency, not as a call refused
    }
    # Transactions live for 32 s after their end: at 10,000 calls/s more of them than the default bound.
    settings["sip"] = {"limits": {"transactions": 3_000_000, "dialogs": 1_000_000}}
    return settings
