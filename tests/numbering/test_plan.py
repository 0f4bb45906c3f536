"""Reading numbers: tables for every form, and what holds for every text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ringfence.numbering import FOREIGN, NO_CLASS, Kind, Numbering, NumberingSettings, PlanSettings
from ringfence.numbering.number import IRREGULARITIES, MAX_RAW

CHINA = Numbering(NumberingSettings())
SINGAPORE = Numbering(NumberingSettings(plan="sg"))


def plan(code: str, dialling: dict[str, Any], **more: Any) -> Numbering:
    """A plan of three lines, as a file would say it."""
    data = {"plan": "test", "country": "XX", "country_code": code, "date": "2026-01-01", "title": "a test's country"}
    whole = {**data, "sources": {"test": "invented"}, "dialling": dialling, **more}
    return Numbering(NumberingSettings(), PlanSettings.model_validate(whole))


# Another country's plan, only by its file: ten digits, areas of three, codes of three.
AMERICA = plan(
    "1",
    {"international_prefixes": ["011"], "trunk_prefix": "1"},
    subscriber_starts="23456789",
    other_areas={"7": ["200-999"]},
    classes={
        "line": {"title": "line", "form": "area"},
        "emergency": {"title": "emergency", "form": "code", "prefixes": ["911"], "digits": [3], "shared": True},
        "information": {
            "title": "information",
            "form": "code",
            "prefixes": ["411"],
            "digits": [3],
            "behind_area": True,
        },
    },
)
# Denmark: eight digits, no areas, no trunk prefix.
DENMARK = plan(
    "45",
    {"international_prefixes": ["00"]},
    classes={
        "line": {"title": "line", "prefixes": ["2-9"], "digits": [8]},
        "code": {"title": "code", "form": "code", "prefixes": ["1"], "digits": [3, 4]},
    },
)
MOBILE = "+8613800138000"
FIXED = "+862162345678"


@pytest.mark.parametrize(
    "text",
    [
        "+8613800138000",
        "008613800138000",
        "8613800138000",
        "013800138000",
        "13800138000",
        "+86-138-0013-8000",
        "+86 (0) 138.0013.8000",
        " +8613800138000 ",
        "13800138000;phone-context=+86",
        "13800138000;npdi;PHONE-CONTEXT=+86",
        "13800138000;phone-context=ims.example.com",
        "+8613800138000;rn=+8613900000000",
    ],
)
def test_every_way_to_write_a_mobile_number(text: str) -> None:
    number = CHINA.read(text)
    assert (number.value, number.kind) == (MOBILE, Kind.E164)
    assert number.raw == text


@pytest.mark.parametrize(
    "text", ["+862162345678", "02162345678", "2162345678", "862162345678", "021-6234-5678", "+86(0)2162345678"]
)
def test_every_way_to_write_a_fixed_number(text: str) -> None:
    assert CHINA.read(text).value == FIXED


@pytest.mark.parametrize(
    ("text", "area", "context", "value", "kind"),
    [
        ("62345678", "21", None, FIXED, Kind.E164),
        ("62345678", "021", None, FIXED, Kind.E164),
        ("62345678", None, "+8621", FIXED, Kind.E164),
        ("62345678", None, "+86-21", FIXED, Kind.E164),
        ("62345678", "755", "+8621", FIXED, Kind.E164),
        ("62345678", None, None, "", Kind.MALFORMED),
        ("62345678", None, "ims.example.com", "", Kind.MALFORMED),
        ("62345678", None, "+nonsense", "", Kind.MALFORMED),
        ("5551234", None, "+1212", "+12125551234", Kind.E164),
        ("0044207946000", None, "+86", "+44207946000", Kind.E164),
        ("110", None, "+86755", "110", Kind.SHORT),
        (MOBILE, "21", "+1", MOBILE, Kind.E164),
    ],
)
def test_local_digits_need_a_place(text: str, area: str | None, context: str | None, value: str, kind: Kind) -> None:
    number = CHINA.read(text, area=area, context=context)
    assert (number.value, number.kind) == (value, kind)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("110", "110"),
        ("021110", "110"),
        ("0755110", "110"),
        ("+86110", "110"),
        ("0086110", "110"),
        ("+8621110", "110"),
        ("+8610110", "110"),
        ("010110", "110"),
        ("+86955110", "110"),  # Zhongwei's emergency number, never a six-digit 95 code behind +86
        ("955110", "955110"),
        ("+86955123", "955123"),
        ("+86953114", "953114"),
        ("10110", "10110"),
        ("12122", "12122"),
        ("12345", "12345"),
        ("+8612345", "12345"),
        ("95588", "95588"),
        ("+8695588", "95588"),
        ("955881234", "955881234"),
        ("10086", "10086"),
        ("+8610086", "10086"),
        ("96123", "96123"),
    ],
)
def test_codes_stay_short(text: str, value: str) -> None:
    number = CHINA.read(text)
    assert (number.value, number.kind) == (value, Kind.SHORT)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("075512345", "+8675512345"),  # each area has its own 12345
        ("02196123", "+862196123"),
        ("0755114", "+86755114"),
        ("+8695312345", "+8695312345"),
        ("4001234567", "+864001234567"),
        ("95013123456", "+8695013123456"),
        ("+12125551234", "+12125551234"),
        ("0012125551234", "+12125551234"),
        ("+85223456789", "+85223456789"),  # Hong Kong has its own country code
    ],
)
def test_other_numbers_get_their_international_form(text: str, value: str) -> None:
    number = CHINA.read(text)
    assert (number.value, number.kind) == (value, Kind.E164)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", Kind.EMPTY),
        ("   ", Kind.EMPTY),
        (";phone-context=+86", Kind.EMPTY),
        ("anonymous", Kind.ANONYMOUS),
        ("Anonymous", Kind.ANONYMOUS),
        ("UNAVAILABLE", Kind.ANONYMOUS),
        ("restricted", Kind.ANONYMOUS),
        ("unknown", Kind.ANONYMOUS),
        ("alice", Kind.MALFORMED),
        ("1380013800a", Kind.MALFORMED),
        ("+", Kind.MALFORMED),
        ("0", Kind.MALFORMED),
        ("00", Kind.MALFORMED),
        ("000", Kind.MALFORMED),
        ("+86", Kind.MALFORMED),
        ("+0123456789", Kind.MALFORMED),
        ("+123456", Kind.MALFORMED),
        ("1380013800", Kind.MALFORMED),
        ("+861380013800", Kind.MALFORMED),
        ("++8613800138000", Kind.MALFORMED),
        ("8613+800138000", Kind.MALFORMED),
        ("*31#110", Kind.MALFORMED),
        ("١٣٨٠٠١٣٨٠٠٠", Kind.MALFORMED),  # digits of another script are no dialled digits
        ("+86１３８００１３８０００", Kind.MALFORMED),
        ("0212345", Kind.MALFORMED),
        ("+8621623456780", Kind.MALFORMED),  # nine digits behind a two-digit area
        ("12345678901", Kind.MALFORMED),
        ("138001380001", Kind.TOO_LONG),
        ("441234567890", Kind.TOO_LONG),
        ("+86138001380001", Kind.TOO_LONG),
        ("+1234567890123456", Kind.TOO_LONG),
        ("1" * (MAX_RAW + 1), Kind.TOO_LONG),
        ("+" + "1" * MAX_RAW, Kind.TOO_LONG),
    ],
)
def test_what_is_no_number_says_how(text: str, kind: Kind) -> None:
    number = CHINA.read(text)
    assert (number.value, number.kind) == ("", kind)
    assert number.raw == text[:MAX_RAW]


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("+12125551234", "+12125551234", Kind.E164),
        ("12125551234", "+12125551234", Kind.E164),
        ("2125551234", "+12125551234", Kind.E164),
        ("5551234", "+12125551234", Kind.E164),
        ("0118613800138000", MOBILE, Kind.E164),
        ("911", "911", Kind.SHORT),
        ("+1212911", "911", Kind.SHORT),
        ("95588", "", Kind.MALFORMED),
    ],
)
def test_another_plan_is_only_settings(text: str, value: str, kind: Kind) -> None:
    number = AMERICA.read(text, area="212")
    assert (number.value, number.kind) == (value, kind)


@pytest.mark.parametrize(
    ("text", "value"),
    [("32123456", "+4532123456"), ("+4532123456", "+4532123456"), ("112", "112"), ("+45112", "112"), ("3212345", "")],
)
def test_a_plan_without_areas(text: str, value: str) -> None:
    assert DENMARK.read(text).value == value


texts = st.one_of(
    st.text(alphabet="0123456789+-.() ;", max_size=24),
    st.from_regex(r"(\+86|0086|86|0|00|\+)?[0-9]{0,16}", fullmatch=True),
    st.text(max_size=20),
)


@settings(max_examples=400, deadline=None)
@given(
    numbering=st.sampled_from([CHINA, SINGAPORE, AMERICA, DENMARK]),
    text=texts,
    area=st.sampled_from([None, "21", "0755", "10"]),
)
@example(numbering=CHINA, text="0953114", area=None)
@example(numbering=CHINA, text="095312345", area=None)
def test_reading_is_idempotent_and_never_raises(numbering: Numbering, text: str, area: str | None) -> None:
    number = numbering.read(text, area=area)
    assert bool(number.value) == (number.kind in (Kind.E164, Kind.SHORT))
    if number.kind is Kind.E164:
        assert number.value[0] == "+" and number.value[1:].isdigit() and len(number.value) <= 16
    if number.value:
        for other in (area, None, "23"):
            again = numbering.read(number.value, area=other)
            assert (again.value, again.kind, again.class_) == (number.value, number.kind, number.class_)
            assert (again.irregular, again.area) == (number.irregular, number.area)
    assert number.irregular == "" or number.irregular in IRREGULARITIES
    assert (number.class_ is NO_CLASS) == (number.value == "")
    assert number.class_ in (NO_CLASS, FOREIGN) or numbering.classes[number.class_.name] is number.class_


@settings(max_examples=200, deadline=None)
@given(prefix=st.from_regex(r"(\+86|0|\+44|)[1-9][0-9]{0,8}", fullmatch=True), rest=st.text("0123456789", max_size=10))
def test_a_prefix_covers_what_is_read_from_digits_behind_it(prefix: str, rest: str) -> None:
    number = CHINA.read(prefix + rest)
    spans = CHINA.prefix_spans(prefix)
    covered = any(len(low) == len(number.value) and low <= number.value <= high for low, high in spans)
    if number.kind is Kind.E164 and not prefix.startswith("86"):
        assert covered
    assert all(len(low) == len(high) and low <= high for low, high in spans)


def test_a_prefix_with_an_area_covers_the_codes_behind_it() -> None:
    assert CHINA.read("+8631010000000").value == "+8631010000000"
    assert ("+8631010000000", "+8631010000099") in CHINA.prefix_spans("+86310100000")


def test_bare_prefix_also_covers_codes() -> None:
    assert ("95588", "95588") in CHINA.prefix_spans("95588")
    assert ("955880", "955889") in CHINA.prefix_spans("95588")
    assert CHINA.prefix_spans("110") == [("110", "110")]
    assert ("+869558800000", "+869558899999") in CHINA.prefix_spans("95588")
    assert ("95300", "95399") in CHINA.prefix_spans("9")
    assert CHINA.prefix_spans("138")[0] == ("+86138", "+86138")
    assert all(low.startswith("+") for low, _ in CHINA.prefix_spans("138"))


def test_international_prefix_ends_at_the_longest_number() -> None:
    spans = CHINA.prefix_spans("0044")
    assert spans == CHINA.prefix_spans("+44")
    assert len(spans[-1][0]) == 16


@pytest.mark.parametrize("text", ["", "+", "abc", "+0", "00", "+1234567890123456", "١"])
def test_no_prefix(text: str) -> None:
    with pytest.raises(ValueError, match=r"prefix|country"):
        CHINA.prefix_spans(text)
