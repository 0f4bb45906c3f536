"""The CSV files that are imported and exported: UTF-8, comma, one record a line, a header with the names below.

The columns are ours: no published text that we could read fixes any. A column that is marked optional may be missing
altogether; one that is not listed is refused, since it is most likely a misspelt one.

consents: callee, holder, given_at; optional until, sector, purpose, channel, evidence, reference
refusals: callee, scope (`*`, `sector:NAME`, `holder:NAME`), since; optional channel, reference
wishes:   callee, level (`all`, `industries`, `none`), since; optional industries (separated by `;`), channel
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from ringfence.registry.errors import BadStatement
from ringfence.registry.moments import moment_of
from ringfence.registry.statements import Statement, consent, refusal, wish

FileKind = Literal["consents", "refusals", "wishes"]
FILE_KINDS: tuple[FileKind, ...] = ("consents", "refusals", "wishes")

NEEDED: Mapping[FileKind, tuple[str, ...]] = {
    "consents": ("callee", "holder", "given_at"),
    "refusals": ("callee", "scope", "since"),
    "wishes": ("callee", "level", "since"),
}
OPTIONAL: Mapping[FileKind, tuple[str, ...]] = {
    "consents": ("until", "sector", "purpose", "channel", "evidence", "reference"),
    "refusals": ("channel", "reference"),
    "wishes": ("industries", "channel"),
}
WISH_COLUMNS = ("callee", "level", "industries", "since", "channel")
"""What an export of wishes has, in this order."""


class Reader(NamedTuple):
    """How a file's values are read. number: a written number to its comparable form; raises BadStatement.

    evidence: a cell of the column `evidence` to the SHA-256 of a stored file; raises BadStatement.
    """

    number: Callable[[str], str]
    evidence: Callable[[str], Awaitable[str]]
    zone: ZoneInfo


def check_header(kind: FileKind, header: Sequence[str], common: Collection[str] = ()) -> None:
    """Raises BadStatement, naming the column. common: columns that are given once, for lines that say nothing there."""
    for name in (*header, *common):
        if name not in NEEDED[kind] + OPTIONAL[kind]:
            known = ", ".join(NEEDED[kind] + OPTIONAL[kind])
            raise BadStatement(name or "(empty)", f"is no column of {kind}; there are: {known}")
        if header.count(name) > 1:
            raise BadStatement(name, "stands twice in the header")
    for name in NEEDED[kind]:
        if name not in header and name not in common:
            raise BadStatement(name, "this column is missing")


async def statement_from(kind: FileKind, row: Mapping[str, str], reader: Reader) -> Statement:
    """One record. Raises BadStatement, naming the column."""
    for name in NEEDED[kind]:
        if not row[name]:
            raise BadStatement(name, "is empty")
    callee = reader.number(row["callee"])
    channel = row.get("channel") or "import"
    if kind == "refusals":
        since = _moment("since", row["since"], reader)
        return refusal(callee, row["scope"], since, channel=channel, reference=row.get("reference", ""))
    if kind == "wishes":
        sectors = tuple(name.strip() for name in row.get("industries", "").split(";") if name.strip())
        return wish(callee, row["level"], _moment("since", row["since"], reader), sectors, channel=channel)
    evidence = row.get("evidence", "")
    until = row.get("until", "")
    return consent(
        callee,
        row["holder"],
        _moment("given_at", row["given_at"], reader),
        until=_moment("until", until, reader, last=True) if until else None,
        sectors=(row["sector"],) if row.get("sector") else (),
        purpose=row.get("purpose", ""),
        channel=channel,
        evidence=await reader.evidence(evidence) if evidence else "",
        reference=row.get("reference", ""),
    )


def _moment(column: str, text: str, reader: Reader, last: bool = False) -> int:
    try:
        return moment_of(text, reader.zone, last)
    except ValueError as error:
        raise BadStatement(column, str(error)) from None
