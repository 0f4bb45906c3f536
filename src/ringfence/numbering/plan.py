"""Reading of numbers by a national plan: prefixes, areas, codes, separators, phone-context, and each number's class.

Whether a number of such a class may call is the rules' business; here it only gets its name.
"""

from __future__ import annotations

from ringfence.numbering import number as n
from ringfence.numbering.number import FOREIGN, MAX_RAW, NO_CLASS, Kind, Number, NumberClass
from ringfence.numbering.packaged import packaged
from ringfence.numbering.plan_settings import PlanSettings, expanded
from ringfence.numbering.settings import NumberingSettings
from ringfence.numbering.tables import Slot, Tables
from ringfence.numbering.world import FEWEST_DIGITS, LONGEST_CODE, MOST_DIGITS, Country, countries

_SEPARATORS = str.maketrans("", "", "-.() ")  # RFC 3966 §5.1.1 visual separators, and the blank people type
_CONTEXT = "phone-context="
_SAME = 5  # digits from which one digit over and over is no code but a mask


class Numbering:
    """One plan, ready to read. classes: of the plan, by name."""

    def __init__(self, settings: NumberingSettings, plan: PlanSettings | None = None) -> None:
        """plan: the file that the settings name, None for a plan that comes with ringfence.

        Raises PlanError for a plan that contradicts itself or does not have what `assigned` names, NoSuchPlan.
        """
        plan = packaged(settings.plan) if plan is None else plan
        tables = Tables(plan, settings.assigned)
        self.plan = plan
        self.classes: dict[str, NumberClass] = tables.classes
        self._tables = tables
        self._number_slot = tables.numbers.slot
        self._code_slot = tables.codes.slot
        self._region = plan.country
        self._country = plan.country_code
        self._home = "+" + plan.country_code
        self._home_at = len(self._home)
        self._international = tuple(sorted(plan.dialling.international_prefixes, key=len, reverse=True))
        self._trunk = plan.dialling.trunk_prefix
        self._carriers = tuple(prefix for entry in plan.dialling.carrier_selection for prefix in expanded(entry))
        self._world = countries()
        self._anonymous = frozenset(word.lower() for word in settings.anonymous)

    def province_of(self, area: str) -> str:
        """The province of an area code, written with or without the trunk prefix; "" when none is known."""
        return self._tables.areas.get(self._without_trunk(area), "")

    def has_area(self, area: str) -> bool:
        """Whether the plan has this area code, written with or without the trunk prefix."""
        return self._without_trunk(area) in self._tables.areas

    def read(self, user: str, area: str | None = None, context: str | None = None) -> Number:
        """What a user part or telephone-subscriber says (RFC 3966 §5; never raises).

        user: unescaped; parameters inside it (`;phone-context=+86`, RFC 3261 §19.1.6) are understood.
        area: code of the place whose local digits may come alone, without the trunk prefix.
        context: the phone-context of a tel URI; a global one completes the digits, a domain name does not.
        Reading a value again gives the same value (with any area, without context).
        """
        # The common form on a trunk, without detours.
        if user[:1] == "+" and len(user) <= MAX_RAW and user.isascii() and user[1:].isdigit():
            if user.startswith(self._home):
                slot = self._number_slot(user[self._home_at :])
                if slot is not None:
                    return self._made(user, user, slot, True)
            return self._global(user, user[1:])
        return self._read(user, area, context)

    def prefix_spans(self, text: str) -> list[tuple[str, str]]:
        """Every number that begins with a prefix, as pairs of values (lowest, highest) of one length each.

        text: `+8621`, `008621` or `021`: E.164 numbers; bare digits (`138`, `95588`): home numbers and codes that
        begin so. Lengths go from the prefix's own up to the longest that the plan knows. No two pairs overlap.
        Raises ValueError when the text is no prefix.
        """
        digits = text.strip().translate(_SEPARATORS)
        bare = digits.removeprefix("+")
        if not (bare.isascii() and bare.isdigit()):
            raise ValueError("a prefix is digits, with a plus in front of a country code")
        if bare != digits:
            return self._global_spans(bare)
        prefix = self._international_prefix(bare)
        if prefix:
            return self._global_spans(bare[len(prefix) :])
        if self._trunk and bare.startswith(self._trunk):
            return self._global_spans(self._country + bare[len(self._trunk) :])
        codes = [_span(start, length) for start, length in self._tables.codes.starts(bare)]
        if not self._tables.numbers.starts(bare) and codes:
            return codes  # nothing but codes begins so
        return self._global_spans(self._country + bare) + codes

    def beginning(self, value: str) -> tuple[NumberClass, int, int]:
        """Of home numbers that begin like a value: their class, digits of the prefix that tells it, fewest digits.

        What is nobody's counts only where nothing else begins so. The country code is not counted.
        """
        if value.startswith(self._home):
            return self._tables.numbers.beginning(value[self._home_at :])
        return self._tables.codes.beginning(value)

    def differ_behind(self, digits: str) -> bool:
        """Whether national numbers that begin so are told apart only by what stands behind."""
        return self._tables.numbers.differ_behind(digits)

    def _global_spans(self, digits: str) -> list[tuple[str, str]]:
        if not digits or digits[0] == "0" or len(digits) > MOST_DIGITS:
            raise ValueError("no country code begins so")
        longest = MOST_DIGITS
        if digits.startswith(self._country):
            national = digits[len(self._country) :]
            known = [length for _, length in self._tables.numbers.starts(national)]
            area = self._tables.area_of(national)
            if area:  # codes that are dialled behind one may be longer than the numbers there
                codes = self._tables.codes.starts(national[len(area) :], behind_area=True)
                known += [len(area) + length for _, length in codes]
            longest = len(self._country) + max(known, default=len(national))
        return [_span("+" + digits, length + 1) for length in range(len(digits), longest + 1)]

    # -- reading ----------------------------------------------------------------------------------------------

    def _made(self, raw: str, value: str, slot: Slot, marked: bool) -> Number:
        """A home number that has an international form."""
        irregular = slot.irregular
        # No mobile prefix is one digit over and over; a fixed number may try to be.
        if slot.area and value == value[: self._home_at] + value[-1] * (len(value) - self._home_at):
            irregular = n.SAME_DIGIT
        return Number(raw, value, Kind.E164, slot.class_, irregular, slot.area, slot.province, self._region, marked)

    def _read(self, raw: str, area: str | None, context: str | None) -> Number:
        if len(raw) > MAX_RAW:
            return Number(raw[:MAX_RAW], "", Kind.TOO_LONG)
        text = raw.strip()
        if ";" in text:
            text, _, parameters = text.partition(";")
            context = context or _context_of(parameters)
        if not text:
            return Number(raw, "", Kind.EMPTY)
        if text.lower() in self._anonymous:
            return Number(raw, "", Kind.ANONYMOUS)
        digits = text.translate(_SEPARATORS)
        plus = digits.startswith("+")
        if plus:
            digits = digits[1:]
        if not (digits.isascii() and digits.isdigit()):
            return Number(raw, "", Kind.MALFORMED)
        return self._global(raw, digits) if plus else self._dialled(raw, digits, area, context)

    def _dialled(self, raw: str, digits: str, area: str | None, context: str | None) -> Number:
        """Digits without a plus, as somebody dials them at home."""
        prefix = self._international_prefix(digits)
        if prefix and len(digits) > len(prefix):
            return self._global(raw, digits[len(prefix) :])
        if context is not None and context.startswith("+"):
            before = context[1:].translate(_SEPARATORS)
            if before.isascii() and before.isdigit():
                return self._global(raw, before + self._without_trunk(digits))
        if self._trunk and digits.startswith(self._trunk):
            return self._significant(raw, digits[len(self._trunk) :], False)
        slot = self._code_slot(digits)
        if slot is not None:
            return self._code(raw, digits, slot, False)
        slot = self._number_slot(digits)
        if slot is not None:
            return self._made(raw, self._home + digits, slot, False)
        if digits.startswith(self._country):
            slot = self._number_slot(digits[len(self._country) :])
            if slot is not None:
                return self._made(raw, "+" + digits, slot, False)
        return self._local(raw, digits, area) or self._selected(raw, digits, area) or self._unreadable(raw, digits)

    def _local(self, raw: str, digits: str, area: str | None) -> Number | None:
        """A subscriber number of the area that is known; None when it is none."""
        if area is None or len(digits) not in self._tables.local_lengths:
            return None
        slot = self._number_slot(self._without_trunk(area) + digits)
        if slot is None or not slot.area:
            return None
        return self._made(raw, self._home + self._without_trunk(area) + digits, slot, False)

    def _selected(self, raw: str, digits: str, area: str | None) -> Number | None:
        """A number behind a prefix that chooses a carrier; None where nothing readable stands there."""
        if len(digits) <= self._tables.longest or not digits.startswith(self._carriers):
            return None
        for prefix in self._carriers:
            if digits.startswith(prefix):
                number = self._dialled(raw, digits[len(prefix) :], area, None)
                return number if number.value else None
        return None

    def _unreadable(self, raw: str, digits: str) -> Number:
        """Why digits are no number of the plan."""
        longest = self._longest(digits)
        kind = Kind.TOO_LONG if len(digits) > self._tables.longest else Kind.MALFORMED
        if _same(digits):
            return Number(raw, "", kind, NO_CLASS, n.SAME_DIGIT)
        if len(digits) in self._tables.local_lengths and digits[0] in self.plan.subscriber_starts:
            return Number(raw, "", kind, NO_CLASS, n.NO_AREA_CODE)
        if len(digits) > longest:  # nothing at home begins so and is as long
            country = self._country_of(digits)
            if country is not None and len(digits) - len(country.code) in country.lengths:
                return Number(raw, "", kind, NO_CLASS, n.UNMARKED_FOREIGN, country=country.region)
        return Number(raw, "", kind, NO_CLASS, n.WRONG_LENGTH if longest else n.UNASSIGNED)

    def _longest(self, digits: str) -> int:
        """Digits of the longest number of the plan that begins like this one; 0 when none does."""
        return max(self._tables.numbers.longest(digits), self._tables.codes.longest(digits))

    def _global(self, raw: str, digits: str) -> Number:
        """Digits that begin with a country code."""
        if digits.startswith(self._country):
            return self._significant(raw, self._without_trunk(digits[len(self._country) :]), True)
        length = len(digits)
        if length > MOST_DIGITS:
            return Number(raw, "", Kind.TOO_LONG, NO_CLASS, n.WRONG_LENGTH, marked=True)
        if length < FEWEST_DIGITS or digits[0] == "0":
            why = n.UNKNOWN_COUNTRY if digits[:1] == "0" else n.WRONG_LENGTH
            return Number(raw, "", Kind.MALFORMED, NO_CLASS, why, marked=True)
        country = self._country_of(digits)
        region = irregular = ""
        if country is None:
            irregular = n.UNKNOWN_COUNTRY
        else:
            region = country.region
            if length - len(country.code) not in country.lengths:
                irregular = n.FOREIGN_LENGTH
        return Number(raw, "+" + digits, Kind.E164, FOREIGN, irregular, country=region, marked=True)

    def _significant(self, raw: str, digits: str, marked: bool) -> Number:
        """A national significant number: behind the country code or the trunk prefix.

        An area code in front of a shared code is that code: 0755 110 is 110. So +86955110 is Zhongwei's 110 and never
        a six-digit 95 code: an emergency call must not be missed, and bare digits still say the other.
        """
        slot = self._number_slot(digits)
        if slot is not None:
            return self._made(raw, self._home + digits, slot, marked)
        area = self._tables.area_of(digits)
        behind = digits[len(area) :]
        local = self._code_slot(behind) if area else None
        if local is not None and local.class_.shared:
            return self._code(raw, behind, local, marked)
        if local is not None and len(behind) > 3:  # a code that each area gives to another: 0755 12345
            return self._behind_area(raw, digits, area, local, marked)
        slot = self._code_slot(digits)
        if slot is not None:
            return self._code(raw, digits, slot, marked)
        if local is not None:
            return self._behind_area(raw, digits, area, local, marked)
        longest = self._longest(digits)
        kind = Kind.TOO_LONG if len(digits) > self._tables.longest else Kind.MALFORMED
        why = n.SAME_DIGIT if _same(digits) else n.WRONG_LENGTH if longest else n.UNASSIGNED
        return Number(raw, "", kind, NO_CLASS, why, marked=marked)

    def _code(self, raw: str, digits: str, slot: Slot, marked: bool) -> Number:
        return Number(raw, digits, Kind.SHORT, slot.class_, slot.irregular, country=self._region, marked=marked)

    def _behind_area(self, raw: str, digits: str, area: str, slot: Slot, marked: bool) -> Number:
        irregular = "" if slot.class_.behind_area else n.AREA_BEFORE_CODE
        province = self._tables.areas[area]
        value = self._home + digits
        return Number(raw, value, Kind.E164, slot.class_, irregular, area, province, self._region, marked)

    def _country_of(self, digits: str) -> Country | None:
        for size in range(1, LONGEST_CODE + 1):
            country = self._world.get(digits[:size])
            if country is not None:
                return country
        return None

    def _international_prefix(self, digits: str) -> str:
        for prefix in self._international:
            if digits.startswith(prefix):
                return prefix
        return ""

    def _without_trunk(self, digits: str) -> str:
        # +86 (0)21 …: written often, meant always without the zero.
        trunk = self._trunk
        return digits[len(trunk) :] if trunk and digits.startswith(trunk) else digits


def _same(digits: str) -> bool:
    return len(digits) >= _SAME and digits == digits[0] * len(digits)


def _context_of(parameters: str) -> str | None:
    for parameter in parameters.split(";"):
        if parameter[: len(_CONTEXT)].lower() == _CONTEXT:
            return parameter[len(_CONTEXT) :]
    return None


def _span(start: str, length: int) -> tuple[str, str]:
    """Lowest and highest value of `length` characters that begins with `start`."""
    return start + "0" * (length - len(start)), start + "9" * (length - len(start))
