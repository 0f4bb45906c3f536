"""The torture messages of tests/data with what each must lead to.

`rfc4475()` serves the parser's tests and, by its `allowed`, whoever plays the messages through the whole proxy.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
ELSEWHERE = DATA.parent.parent.parent / "shared" / "sip-torture" / "corpus"


@dataclass(frozen=True)
class Case:
    """One RFC 4475 message.

    verdict: "valid" or "invalid" as a message. layer: who has to find fault: "syntax", "transaction",
    "application" or "compatibility". kind: "request" or "response".
    allowed: what a proxy may do with it: "forward", "drop" or a final status such as "400".
    must_not_contain: bytes that no forwarded copy may hold. body_exact: whether the forwarded body must be equal.
    """

    file: str
    section: str
    verdict: str
    layer: str
    kind: str
    allowed: frozenset[str]
    must_not_contain: bytes | None
    body_exact: bool
    data: bytes


@dataclass(frozen=True)
class AddressCase:
    """One RFC 5118 message; target: host and port that the Request-URI must be read as, None if invalid."""

    file: str
    section: str
    valid: bool
    target: tuple[str, int | None] | None
    data: bytes


def rfc4475() -> list[Case]:
    """The 49 messages in the order of the RFC."""
    folder = DATA / "rfc4475"
    return [
        Case(
            file=row[0],
            section=row[1],
            verdict=row[2],
            layer=row[3],
            kind=row[4],
            allowed=frozenset(row[5].split("|")),
            must_not_contain=None if row[6] == "-" else row[6].encode(),
            body_exact=row[7] == "yes",
            data=(folder / row[0]).read_bytes(),
        )
        for row in _rows(folder / "INDEX.tsv")
    ]


def rfc5118() -> list[AddressCase]:
    """The 12 messages in the order of the RFC."""
    folder = DATA / "rfc5118"
    return [
        AddressCase(row[0], row[1], row[2] == "valid", _target(row[3]), (folder / row[0]).read_bytes())
        for row in _rows(folder / "INDEX.tsv")
    ]


def shipped_corpus() -> list[bytes]:
    """Captured messages whose licence lets them stand in tests/data."""
    return _corpus(DATA / "corpus" / "permissive.jsonl")


def corpus_elsewhere() -> list[bytes] | None:
    """Captures and seeds that may not be shipped, None where no folder beside the checkout has them."""
    if not ELSEWHERE.is_dir():
        return None
    return [message for file in sorted(ELSEWHERE.glob("*.jsonl")) for message in _corpus(file)]


def _corpus(file: Path) -> list[bytes]:
    return [base64.b64decode(json.loads(line)["b64"]) for line in file.read_text().splitlines()]


def _rows(file: Path) -> list[list[str]]:
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [line.split("\t") for line in lines[1:]]


def _target(text: str) -> tuple[str, int | None] | None:
    host, _, port = text.partition("|")
    return None if host == "-" else (host, None if port == "-" else int(port))
