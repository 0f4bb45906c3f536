"""Reading of numbers by the home plan's shape: prefixes, areas, codes, separators, phone-context.

Only lengths and leading digits are looked at here; whether a number of such a shape may call is the rules' business.
"""

from __future__ import annotations

from ringfence.numbering.number import MAX_RAW, Kind, Number
from ringfence.numbering.settings import NumberingSettings

_SEPARATORS = str.maketrans("", "", "-.() ")  # RFC 3966 §5.1.1 visual separators, and the blank people type
_CONTEXT = "phone-context="


class Numbering:
    """The home plan, ready to read."""

    def __init__(self, settings: NumberingSettings) -> None:
        self._country = settings.country_code
        self._home = "+" + settings.country_code
        self._home_at = len(self._home)
        self._international = settings.international_prefix
        self._trunk = settings.trunk_prefix
        self._max_digits = settings.max_digits
        self._min_foreign = settings.min_foreign_digits
        self._national = (settings.national.least, settings.national.most)
        self._subscriber = (settings.subscriber.least, settings.subscriber.most)
        self._mobile = settings.mobile
        self._areas = settings.area_lengths
        self._codes = {leading: (each.least, each.most) for leading, each in settings.codes.items()}
        # How many leading digits the tables know by, longest first.
        self._area_sizes = sorted({len(leading) for leading in self._areas}, reverse=True)
        self._code_sizes = sorted({len(leading) for leading in self._codes}, reverse=True)
        self._shared = frozenset(settings.shared_codes)
        self._anonymous = frozenset(word.lower() for word in settings.anonymous)
        # The commonest form on a trunk, a whole mobile number in E.164, is recognised by length and start alone.
        self._mobile_starts = tuple(self._home + leading for leading in settings.mobile)
        self._mobile_length = len(self._home) + settings.national.most

    def read(self, user: str, area: str | None = None, context: str | None = None) -> Number:
        """What a user part or telephone-subscriber says (RFC 3966 §5; never raises).

        user: unescaped; parameters inside it (`;phone-context=+86`, RFC 3261 §19.1.6) are understood.
        area: code of the place whose local digits may come alone, without the trunk prefix.
        context: the phone-context of a tel URI; a global one completes the digits, a domain name does not.
        Reading a value again gives the same value (with any area, without context).
        """
        # The common form on a trunk, without detours.
        if user[:1] == "+" and len(user) <= MAX_RAW and user.isascii() and user[1:].isdigit():
            if len(user) == self._mobile_length and user.startswith(self._mobile_starts):
                return Number(user, user, Kind.E164)
            value, kind = self._global(user[1:])
            return Number(user, value, kind)
        return self._read(user, area, context)

    def prefix_spans(self, text: str) -> list[tuple[str, str]]:
        """Every number that begins with a prefix, as pairs of values (lowest, highest) of one length each.

        text: `+8621`, `008621` or `021`: E.164 numbers; bare digits (`138`, `95588`): home numbers and codes that
        begin so. Lengths go from the prefix's own up to the longest that the plan knows.
        Raises ValueError when the text is no prefix.
        """
        digits = text.strip().translate(_SEPARATORS)
        bare = digits.removeprefix("+")
        if not (bare.isascii() and bare.isdigit()):
            raise ValueError("a prefix is digits, with a plus in front of a country code")
        if bare != digits:
            return self._global_spans(bare)
        if bare.startswith(self._international):
            return self._global_spans(bare[len(self._international) :])
        if bare.startswith(self._trunk):
            return self._global_spans(self._country + bare[len(self._trunk) :])
        return self._global_spans(self._country + bare) + self._code_spans(bare)

    def _global_spans(self, digits: str) -> list[tuple[str, str]]:
        if not digits or digits[0] == "0" or len(digits) > self._max_digits:
            raise ValueError("no country code begins so")
        home = digits.startswith(self._country)
        longest = len(self._country) + self._national[1] if home else self._max_digits
        return _spans("+" + digits, range(len(digits), longest + 1))

    def _code_spans(self, digits: str) -> list[tuple[str, str]]:
        if digits.startswith(self._mobile):
            return []
        spans: list[tuple[str, str]] = []
        for leading, (least, most) in self._codes.items():
            if digits.startswith(leading) or leading.startswith(digits):
                start = max(digits, leading, key=len)
                spans += _spans(start, range(max(len(start), least), most + 1))
        return spans

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
        value, kind = self._global(digits) if plus else self._dialled(digits, area, context)
        return Number(raw, value, kind)

    def _dialled(self, digits: str, area: str | None, context: str | None) -> tuple[str, Kind]:
        """Digits without a plus, as somebody dials them at home."""
        if digits.startswith(self._international) and len(digits) > len(self._international):
            return self._global(digits[len(self._international) :])
        if context is not None and context.startswith("+"):
            prefix = context[1:].translate(_SEPARATORS)
            if prefix.isascii() and prefix.isdigit():
                return self._global(prefix + self._without_trunk(digits))
        if digits.startswith(self._trunk):
            return self._significant(digits[len(self._trunk) :])
        if self._is_code(digits):
            return digits, Kind.SHORT
        length = len(digits)
        least, most = self._national
        if least <= length <= most:
            return self._significant(digits)
        if digits.startswith(self._country) and least <= length - len(self._country) <= most:
            return self._significant(digits[len(self._country) :])
        if area is not None and self._subscriber[0] <= length <= self._subscriber[1]:
            return self._significant(self._without_trunk(area) + digits)
        return "", Kind.TOO_LONG if length > most else Kind.MALFORMED

    def _global(self, digits: str) -> tuple[str, Kind]:
        """Digits that begin with a country code."""
        if digits.startswith(self._country):
            return self._significant(self._without_trunk(digits[len(self._country) :]))
        length = len(digits)
        if length > self._max_digits:
            return "", Kind.TOO_LONG
        if length < self._min_foreign or digits[0] == "0":
            return "", Kind.MALFORMED
        return "+" + digits, Kind.E164

    def _significant(self, digits: str) -> tuple[str, Kind]:
        """A national significant number: behind the country code or the trunk prefix.

        An area code in front of a shared code is that code: 0755 110 is 110. So +86955110 is Zhongwei's 110 and never
        a six-digit 95 code: an emergency call must not be missed, and bare digits still say the other.
        """
        length = len(digits)
        least, most = self._national
        if length > most:
            return "", Kind.TOO_LONG
        if digits.startswith(self._mobile):
            if length == most:
                return self._home + digits, Kind.E164
            return (digits, Kind.SHORT) if self._is_code(digits) else ("", Kind.MALFORMED)
        area = self._area_length(digits)
        local = length - area
        subscriber = digits[area:]
        if area and self._subscriber[0] <= local <= self._subscriber[1]:
            return self._home + digits, Kind.E164
        behind_area = area > 0 and self._is_code(subscriber)
        if behind_area and subscriber in self._shared:
            return subscriber, Kind.SHORT
        if behind_area and local > 3:  # a code that each area gives to another: 0755 12345
            return self._home + digits, Kind.E164
        if self._is_code(digits):
            return digits, Kind.SHORT
        if behind_area or (not self._areas and least <= length):  # without areas: any number of the right length
            return self._home + digits, Kind.E164
        return "", Kind.MALFORMED

    def _without_trunk(self, digits: str) -> str:
        # +86 (0)21 …: written often, meant always without the zero.
        return digits[len(self._trunk) :] if digits.startswith(self._trunk) else digits

    def _area_length(self, digits: str) -> int:
        """Digits of the area code in front; 0 when no area begins so."""
        for size in self._area_sizes:
            length = self._areas.get(digits[:size])
            if length is not None:
                return length
        return 0

    def _is_code(self, digits: str) -> bool:
        for size in self._code_sizes:
            lengths = self._codes.get(digits[:size])
            if lengths is not None:
                return lengths[0] <= len(digits) <= lengths[1]
        return False


def _context_of(parameters: str) -> str | None:
    for parameter in parameters.split(";"):
        if parameter[: len(_CONTEXT)].lower() == _CONTEXT:
            return parameter[len(_CONTEXT) :]
    return None


def _spans(start: str, lengths: range) -> list[tuple[str, str]]:
    digits = len(start.removeprefix("+"))
    return [(start + "0" * (length - digits), start + "9" * (length - digits)) for length in lengths]
