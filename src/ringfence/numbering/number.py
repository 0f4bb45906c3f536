"""A number as it was written and as it is compared, with what the plan says of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from mypy_extensions import mypyc_attr

MAX_RAW = 128  # characters kept as evidence: no number is longer, and records need a bound

Caller = Literal["allowed", "inbound_only", "undertaking", "restricted", "no_voice", "unassigned"]
"""What a plan says of a class in the calling position.

inbound_only: it is called and never calls. undertaking: it calls only where its holder filed that it will.
restricted: data lines, some of which may speak. no_voice: no call comes from such a number. unassigned: nobody's.
"""

FromAbroad = Literal["never", "roaming"]
"""Whether a home number of the class may come in from abroad: never, or with a subscriber who roams there."""

Form = Literal["number", "code", "area"]
"""number: has an international form. code: has none, 110 or 95588. area: a number made of area code and subscriber."""


class Kind(StrEnum):
    """What somebody wrote where a number belongs. Only E164 and SHORT have a number to compare."""

    E164 = "e164"  # an international number
    SHORT = "short"  # a code that has no international form: 110, 95588, 10086
    SERVICE = "service"  # a service URN instead of a number (RFC 5031): urn:service:sos
    EMPTY = "empty"
    ANONYMOUS = "anonymous"  # a word that withholds the number
    MALFORMED = "malformed"  # letters, or digits that the plan cannot read
    TOO_LONG = "too_long"  # more digits than the plan or E.164 allows


WRONG_LENGTH = "wrong_length"
UNASSIGNED = "unassigned"
BAD_SUBSCRIBER = "bad_subscriber"
NO_AREA_CODE = "no_area_code"
AREA_BEFORE_CODE = "area_before_code"
SAME_DIGIT = "same_digit"
UNMARKED_FOREIGN = "unmarked_foreign"
UNKNOWN_COUNTRY = "unknown_country"
FOREIGN_LENGTH = "foreign_length"

IRREGULARITIES = {
    WRONG_LENGTH: "begins like a number of the plan, but is shorter or longer than those are",
    UNASSIGNED: "begins like no number of the plan",
    BAD_SUBSCRIBER: "no subscriber's number begins so behind this area code",
    NO_AREA_CODE: "a local number without its area code",
    AREA_BEFORE_CODE: "an area code before a code that belongs to no area",
    SAME_DIGIT: "one digit over and over",
    UNMARKED_FOREIGN: "a foreign number without plus or international prefix",
    UNKNOWN_COUNTRY: "no country has this code",
    FOREIGN_LENGTH: "no number of its country has so many digits",
}
"""Every `Number.irregular`, with what it means."""


class NumberClass:
    """One class of a plan; its numbers share it.

    caller: what it may do in the calling position. only_on: kinds of trunk that its calls may come from, empty: all.
    province_bound: means something in one province alone. suffix: its digits may be a code with more behind it.
    shared: one code for all areas, so an area code before it says nothing. behind_area: may stand behind an area code.
    features: words for reports, `mvno`.
    """

    __slots__ = (
        "behind_area",
        "caller",
        "features",
        "form",
        "from_abroad",
        "name",
        "only_on",
        "province_bound",
        "shared",
        "suffix",
        "title",
    )

    def __init__(
        self,
        name: str,
        title: str,
        form: Form = "number",
        caller: Caller = "allowed",
        from_abroad: FromAbroad = "never",
        only_on: frozenset[str] = frozenset(),
        province_bound: bool = False,
        suffix: bool = False,
        shared: bool = False,
        behind_area: bool = False,
        features: frozenset[str] = frozenset(),
    ) -> None:
        self.name = name
        self.title = title
        self.form: Form = form
        self.caller: Caller = caller
        self.from_abroad: FromAbroad = from_abroad
        self.only_on = only_on
        self.province_bound = province_bound
        self.suffix = suffix
        self.shared = shared
        self.behind_area = behind_area
        self.features = features

    def __repr__(self) -> str:
        return f"NumberClass({self.name})"


NO_CLASS = NumberClass("none", "no number that can be compared")
FOREIGN = NumberClass("foreign", "a number of another country")


@mypyc_attr(acyclic=True)
class Number:
    """One reading of one text; never changed after it was made.

    raw: the text as it came, kept as evidence, at most MAX_RAW characters.
    value: E.164 with the plus ("+8613800138000"), the code alone ("110"), the URN in lower case; "" for other kinds.
    class_: of the home plan, FOREIGN, or NO_CLASS. irregular: a key of IRREGULARITIES, "" for a regular number.
    area: code of a home number that has one, without the trunk prefix. province: where the plan puts that area.
    country: ISO 3166 of the home plan or of the foreign country code ("001": a code of no country), "" if unknown.
    marked: written with a plus, the international prefix, or a global phone-context.
    """

    __slots__ = ("area", "class_", "country", "irregular", "kind", "marked", "province", "raw", "value")

    def __init__(
        self,
        raw: str,
        value: str,
        kind: Kind,
        class_: NumberClass = NO_CLASS,
        irregular: str = "",
        area: str = "",
        province: str = "",
        country: str = "",
        marked: bool = False,
    ) -> None:
        self.raw = raw
        self.value = value
        self.kind = kind
        self.class_ = class_
        self.irregular = irregular
        self.area = area
        self.province = province
        self.country = country
        self.marked = marked

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Number)
            and self.raw == other.raw
            and self.value == other.value
            and self.kind is other.kind
        )

    def __hash__(self) -> int:
        return hash((self.raw, self.value, self.kind))

    def __repr__(self) -> str:
        # No digits: a repr ends up in logs, which never hold phone numbers.
        return f"Number({self.kind.name}, {self.class_.name}, {len(self.value)} characters)"
