"""What the ledger says of one number or one trunk, as plain values and as tables."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from ringfence.cli import output
from ringfence.config import Bundle
from ringfence.ledger import Ledger, Trunk
from ringfence.ledger.pack import unpack
from ringfence.ledger.terms import FOREVER, Terms, Title

MAX_RANGES = 20  # of one trunk's grants that are written out


class View(NamedTuple):
    """plain: for JSON. facts: names and values. columns, rows: a table below. known: whether there is anything."""

    plain: dict[str, Any]
    facts: list[tuple[str, str]]
    columns: tuple[str, ...]
    rows: list[list[str]]
    known: bool

    def print(self, most: int) -> None:
        """For people; at most so many rows."""
        output.facts(self.facts)
        if self.rows:
            output.line()
            output.table(self.columns, self.rows[:most])
        if len(self.rows) > most:
            output.line(f"and {len(self.rows) - most} more: --json has all")


def number_view(bundle: Bundle, text: str) -> View:
    """A number: whose it is, and which trunks may show it under which terms."""
    ledger = bundle.ledger
    number = bundle.numbering.read(text)
    zone = zone_of(bundle.settings.ledger.utc_offset)
    cover = ledger.find(number.value) if number.value else 0
    bags = list(ledger.bags_of(cover)) if cover else []
    titles = [said for said in map(ledger.bag, bags) if isinstance(said, Title)]
    grants = [] if not bags else _grants(ledger, set(bags), zone)
    facts = [("number", f"{number.value or 'no number'} ({number.kind}, written {text!r})")]
    facts += [("held by", f"{title.holder}{_certificate(title, zone)}") for title in titles]
    if not titles:
        facts.append(("held by", "nobody that the ledger knows" if not grants else "no title on record"))
    plain = {
        "number": number.value,
        "kind": str(number.kind),
        "titles": [{**title._asdict(), "until": None if title.until == FOREVER else title.until} for title in titles],
        "grants": [grant[0] for grant in grants],
    }
    columns = ("trunk", "holder", "by", "purpose", "direction", "days", "state", "note")
    return View(plain, facts, columns, [grant[1] for grant in grants], bool(bags))


def trunk_view(trunk: Trunk, zone: timezone) -> View:
    """A trunk: what it is, where its calls come from, what it may show."""
    ledger = trunk.ledger
    ranges = _ranges(ledger, set(trunk.grants))
    rows, plain = [], []
    for bag, terms in sorted(trunk.grants.items()):
        said = ledger.bag(bag)
        assert not isinstance(said, Title)
        by = f"set {said.name}" if said.kind == "set" else "grant"
        named, count = ranges.get(bag, ([], 0))
        which = ", ".join(named[:3]) + (f" and {count - 3} more" if count > 3 else "")
        for each in terms:
            rows.append([by, said.holder, which, *_terms(each, zone)])
            plain.append({"by": by, "holder": said.holder, "ranges": named, "count": count, **_plain(each)})
    facts = [
        ("trunk", trunk.name), ("holder", trunk.holder), ("kind", trunk.kind), ("purpose", trunk.purpose),
        ("sector", trunk.sector or ""),
        ("connected by", trunk.connected_by), ("place", trunk.place), ("gateways", trunk.gateways),
        *(("source", _source(source)) for source in trunk.sources),
        ("calls per hour", "no contract figure" if trunk.calls_per_hour is None else str(trunk.calls_per_hour)),
        *_contract(ledger, trunk.holder),
    ]  # fmt: skip
    facts += [(f"rule {name}", ", ".join(f"{k}: {v}" for k, v in rule.items())) for name, rule in trunk.rules.items()]
    said_of_it = {
        "trunk": trunk.name, "holder": trunk.holder, "kind": trunk.kind, "purpose": trunk.purpose,
        "connected_by": trunk.connected_by, "place": trunk.place, "gateways": trunk.gateways,
        "marketing": trunk.marketing, "sector": trunk.sector, "calls_per_hour": trunk.calls_per_hour,
        "rules": trunk.rules, "sources": [source.model_dump(exclude_none=True) for source in trunk.sources],
        "grants": plain,
    }  # fmt: skip
    columns = ("by", "numbers of", "which", "purpose", "direction", "days", "state", "note")
    return View(said_of_it, [fact for fact in facts if fact[1]], columns, rows, True)


def zone_of(utc_offset: str) -> timezone:
    """`+08:00` as a zone."""
    return timezone(timedelta(hours=int(utc_offset[:3]), minutes=int(utc_offset[0] + utc_offset[4:])))


def _grants(ledger: Ledger, bags: set[int], zone: timezone) -> list[tuple[dict[str, Any], list[str]]]:
    """Every trunk that one of the bags is granted to. Looks at all trunks: a set does not know who has it."""
    found = []
    for place in range(len(ledger.trunks)):
        trunk = ledger.trunk(place)
        for bag in bags & trunk.grants.keys():
            said = ledger.bag(bag)
            assert not isinstance(said, Title)
            by = f"set {said.name}" if said.kind == "set" else "grant" if said.kind == "grant" else "settings"
            for terms in trunk.grants[bag]:
                plain = {"trunk": trunk.name, "holder": trunk.holder, "by": by, **_plain(terms)}
                found.append((plain, [trunk.name, trunk.holder, by, *_terms(terms, zone)]))
    return found


def _ranges(ledger: Ledger, bags: set[int]) -> dict[int, tuple[list[str], int]]:
    """The first ranges of each bag, and how many it has."""
    found: dict[int, tuple[list[str], int]] = {}
    wanted: dict[int, list[int]] = {}
    for low, high, cover in ledger.rows():
        if cover not in wanted:
            wanted[cover] = [bag for bag in ledger.bags_of(cover) if bag in bags]
        for bag in wanted[cover]:
            named, count = found.get(bag, ([], 0))
            if count < MAX_RANGES:
                named.append(unpack(low) if low == high else f"{unpack(low)} to {unpack(high)}")
            found[bag] = (named, count + 1)
    return found


def _plain(terms: Terms) -> dict[str, Any]:
    return {**terms._asdict(), "until": None if terms.until == FOREVER else terms.until}


def _terms(terms: Terms, zone: timezone) -> list[str]:
    direction = "both" if terms.originate and terms.receive else "originate" if terms.originate else "receive"
    state = "suspended" if terms.suspended else "granted"
    purposes = ", ".join(terms.purposes) or "all"
    sells = f"{purposes} ({terms.sector})" if terms.sector else purposes
    return [sells, direction, _days(terms.since, terms.until, zone), state, terms.note]


def _days(since: float, until: float, zone: timezone) -> str:
    first = "" if since == 0 else datetime.fromtimestamp(since, zone).date().isoformat()
    last = "" if until == FOREVER else (datetime.fromtimestamp(until, zone) - timedelta(days=1)).date().isoformat()
    return f"{first} to {last}" if first or last else "always"


def _certificate(title: Title, zone: timezone) -> str:
    parts = [f"certificate {title.certificate}"] if title.certificate else []
    if title.since or title.until != FOREVER:
        parts.append(_days(title.since, title.until, zone))
    return f" ({', '.join(parts)})" if parts else ""


def _contract(ledger: Ledger, holder: str) -> list[tuple[str, str]]:
    """The clauses of a holder's contract."""
    for said in ledger.holders():
        if said["name"] == holder:
            contract = said["contract"]
            days = " to ".join(filter(None, (contract["valid_from"], contract["valid_until"])))
            return [
                ("legal name", said["legal_name"]), ("licence", said["licence"]), ("sector", said["sector"]),
                ("contact", said["contact"]), ("contract", ", ".join(filter(None, (contract["number"], days)))),
                ("sanctions", "; ".join(contract["sanctions"])),
            ]  # fmt: skip
    return []


def _source(source: Any) -> str:
    said = source.model_dump(exclude_none=True)
    return ", ".join(str(value) for value in said.values())
