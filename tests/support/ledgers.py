"""Ledgers from files of a few lines, read by the code that reads a carrier's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from ringfence.config.faults import ConfigError
from ringfence.config.ledger_store import Here
from ringfence.config.load import Bundle, load_bundle

MAIN = """\
listeners:
  - {name: udp, transport: udp, bind: "127.0.0.1:5060"}
gateways:
  default:
    targets:
      - uri: sip:127.0.0.1:5080
ledger: {folder: ledger}
"""

HOLDERS = """\
holders:
  - name: Bank
    numbers:
      - {from: "+862160000000", to: "+862160009999", certificate: C-1}
      - {number: "95588", certificate: C-2}
      - {from: "+864001234000", to: "+864001234999"}
  - name: Shop
    numbers:
      - {from: "+862170000000", to: "+862170009999"}
"""

TRUNKS = """\
trunks:
  - {name: bank, holder: Bank, kind: enterprise, sources: [{address: 192.0.2.1}]}
  - {name: shop, holder: Shop, kind: call_center, sources: [{address: 192.0.2.2}]}
"""


def write(folder: Path, files: Mapping[str, str | bytes], main: str = MAIN) -> Path:
    """Settings with a ledger of HOLDERS, TRUNKS and further files; the settings' file."""
    ledger = folder / "ledger"
    ledger.mkdir(exist_ok=True)
    for name, text in {"holders.yaml": HOLDERS, "trunks.yaml": TRUNKS, **files}.items():
        path = ledger / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
    path = folder / "ringfence.yaml"
    path.write_text(main)
    return path


def load(folder: Path, files: Mapping[str, str | bytes], main: str = MAIN) -> Bundle:
    """Everything that such files make. Raises ConfigError."""
    return load_bundle(write(folder, files, main), environ={}, make_ledger=Here())


def faults(folder: Path, files: Mapping[str, str | bytes], main: str = MAIN) -> list[str]:
    """What such files have wrong, late faults too; file names from the ledger's folder on."""
    try:
        found = load(folder, files, main).late
    except ConfigError as error:
        found = error.faults
    return [str(fault).replace(f"{folder}/ledger/", "") for fault in found]
