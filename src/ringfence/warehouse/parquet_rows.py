"""A record as a row of an exported table: text values in the order of its columns."""

from __future__ import annotations

from collections.abc import Callable

from ringfence.records.keys import KeyRing
from ringfence.records.schema import DECISION, END, OUTCOME
from ringfence.warehouse.classes import CLASSES, class_of
from ringfence.warehouse.library import Fields
from ringfence.warehouse.telling import clean, hidden

Row = list[str]


class Rows:
    """Makes them. in_full: with whole numbers."""

    def __init__(self, ring: KeyRing, in_full: bool) -> None:
        self._show: Callable[[str], str] = clean if in_full else hidden
        self._pseudonym = ring.pseudonym

    def row_of(self, node: str, sequence: int, fields: Fields) -> tuple[str, Row] | None:
        """(table, row); None for a record of no call."""
        kind = fields["kind"]
        if kind == DECISION:
            return "calls", self._call(node, sequence, fields)
        if kind in (OUTCOME, END):
            return "endings", self._ending(node, sequence, fields)
        return None

    def _call(self, node: str, sequence: int, fields: Fields) -> Row:
        show = self._show
        numbers: Row = []
        for name in ("shown", "caller", "callee"):
            number = fields[name]
            numbers += (
                show(number), fields[f"{name}_class"], fields[f"{name}_region"], self._pseudonym(number),
            )  # fmt: skip
        return [
            str(sequence), node, fields["at"], fields["trunk"], fields["holder"], fields["trunk_kind"],
            fields["purpose"], clean(fields["connected_by"]), CLASSES[class_of(fields)], fields["transport"],
            fields["source"], clean(fields["call_id"]), show(fields["request_uri"]), show(fields["from"]),
            show(fields["to"]), self._list(fields["asserted"]), self._list(fields["preferred"]),
            self._list(fields["diversion"]), clean(fields["privacy"]), fields["identity"], *numbers,
            fields["generation"], fields["action"], fields["reason"], fields["points"], clean(fields["findings"]),
            fields["unknown"].replace(",", "\x1f"), self._list(fields["facts"], clean), fields["status"],
            fields["gateway"], fields["gateway_address"],
        ]  # fmt: skip

    def _ending(self, node: str, sequence: int, fields: Fields) -> Row:
        get = fields.get
        return [
            str(sequence), node, fields["at"], "outcome" if fields["kind"] == OUTCOME else "end", fields["decision"],
            clean(fields["call_id"]), get("status", "0"), get("ring_ms", "-1"), get("final_ms", "-1"),
            get("talk_ms", "-1"), fields["released"], get("gateway", ""), get("gateway_address", ""),
            self._list(get("tried", ""), clean), self._list(get("cause", "")),
        ]  # fmt: skip

    def _list(self, text: str, show: Callable[[str], str] | None = None) -> str:
        if not text:
            return ""
        return "\x1f".join(map(show or self._show, text.split("\r")))
