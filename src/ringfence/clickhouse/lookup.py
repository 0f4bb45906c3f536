"""Calls found in ClickHouse by caller, callee and time, over all nodes that feed it."""

from __future__ import annotations

from typing import Any, NamedTuple

from ringfence.clickhouse.client import Client
from ringfence.clickhouse.sealing import Sealer
from ringfence.clickhouse.tables import tie
from ringfence.records.schema import END, OUTCOME, decode

Fields = dict[str, str]
LONGEST_CALL = (
    13 * 3600 * 10**6
)  # microseconds after a decision in which its end is looked for: dialog_lifetime and more
LATEST = 4 * 10**15  # microseconds: the year 2096, well within what DateTime64(6) reaches


class Wanted(NamedTuple):
    """What is looked for: numbers as the plan reads them, "" for any; begin, end: microseconds since 1970."""

    caller: str
    callee: str
    begin: int
    end: int


class FoundCall(NamedTuple):
    """A call with the records of how it went, as far as they are there."""

    node: str
    sequence: int
    decision: Fields
    outcome: Fields | None
    end: Fields | None


async def find(client: Client, database: str, sealer: Sealer, wanted: Wanted, limit: int) -> list[FoundCall]:
    """The newest calls that fit, at most `limit`. A caller may be the one that was shown or the asserted one."""
    places = await client.select(_search(database, sealer, wanted, limit))
    calls = [
        await _call(client, database, sealer, row["node"], int(row["worker"]), int(row["call"]), row["at"])
        for row in places
    ]
    return [call for call in calls if call is not None and _fits(call.decision, wanted)]


def _search(database: str, sealer: Sealer, wanted: Wanted, limit: int) -> str:
    """Digests and times are integers of ours, so they stand in the statement."""
    between = f"at BETWEEN {_moment(wanted.begin)} AND {_moment(wanted.end)}"
    parts = []
    for number, roles in ((wanted.callee, "('callee')"), (wanted.caller, "('shown', 'caller')")):
        if number:
            digests = ", ".join(map(str, sealer.digests(number)))
            parts.append(
                f"SELECT node, worker, call, at FROM {database}.numbers "  # noqa: S608
                f"WHERE number IN ({digests}) AND role IN {roles} AND {between}"
            )
    both = " INTERSECT DISTINCT ".join(parts)
    return f"SELECT DISTINCT node, worker, call, at FROM ({both}) ORDER BY at DESC, call DESC LIMIT {limit}"  # noqa: S608


async def _call(
    client: Client, database: str, sealer: Sealer, node: str, worker: int, call: int, at: str
) -> FoundCall | None:
    """All records of one call. An end from behind a restart knows the Call-ID alone."""
    place: dict[str, int | str] = {"node": node, "worker": worker, "call": call, "at": at}
    rows = await client.select(
        f"SELECT sequence, sealed FROM {database}.records "  # noqa: S608
        "WHERE node = {node:String} AND worker = {worker:UInt16} AND call = {call:UInt64} "
        "AND at >= {at:DateTime64(6, 'UTC')} "
        f"AND at <= addHours({{at:DateTime64(6, 'UTC')}}, {LONGEST_CALL // (3600 * 10**6)}) "
        "ORDER BY kind, at LIMIT 1 BY kind",
        **place,
    )
    if not rows:
        return None
    decision, *rest = [_opened(row, node, worker, sealer) for row in rows]
    rest = [fields for fields in rest if fields["call_id"] == decision["call_id"]]
    outcome = next((fields for fields in rest if fields["kind"] == OUTCOME), None)
    end = next((fields for fields in rest if fields["kind"] == END), None)
    if end is None and outcome is not None and outcome["status"] < "300":
        rows = await client.select(
            f"SELECT sequence, sealed FROM {database}.records "  # noqa: S608
            "WHERE node = {node:String} AND worker = {worker:UInt16} AND call = 0 AND kind = 'end' "
            "AND call_id = {call_id:UInt64} AND at >= {at:DateTime64(6, 'UTC')} ORDER BY at LIMIT 1",
            **place,
            call_id=sealer.digest(decision["call_id"]),
        )
        end = next((_opened(row, node, worker, sealer) for row in rows), None)
    return FoundCall(node, call, decision, outcome, end)


def _opened(row: dict[str, Any], node: str, worker: int, sealer: Sealer) -> Fields:
    return decode(sealer.open(row["sealed"], tie(node, worker, int(row["sequence"]))))


def _fits(decision: Fields, wanted: Wanted) -> bool:
    """Two numbers may have one digest."""
    return (not wanted.caller or wanted.caller in (decision["caller"], decision["shown"])) and (
        not wanted.callee or wanted.callee == decision["callee"]
    )


def _moment(microseconds: int) -> str:
    return f"fromUnixTimestamp64Micro(toInt64({min(max(microseconds, 0), LATEST)}), 'UTC')"
