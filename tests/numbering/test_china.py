"""Mainland China's plan, row by row of what is known of it: each class in the calling position, and what is none."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.numbering import Kind, Numbering, NumberingSettings
from ringfence.numbering.plan_settings import expanded, lengths_of

CHINA = Numbering(NumberingSettings())
PLAN = CHINA.plan

MOBILE = [*range(130, 140), *range(150, 154), *range(155, 160), 166, 172, 173, *range(175, 179), *range(180, 194),
          *range(195, 200)]  # fmt: skip
VIRTUAL = [162, 165, 167, 170, 171]
DATA_CARDS = [145, 147, 149]
NOBODYS = [140, 141, 142, 143, 144, 146, 148, 154, 160, 161, 163, 164, 168, 169, 174, 179, 194]

EIGHT = "10 20 21 22 23 24 25 27 28 29 311 371 377 379 411 431 432 451 510 511 512 513 514 515 516 517 518 519 523 " \
    "527 531 532 551 571 573 574 575 576 577 579 591 595 731 755 757 760 769 791 871 898"  # fmt: skip
EITHER = "433 435 754 851"
SEVEN = """310 312–319 335 349–359 370 372–376 391–396 398 412 415–419 421 427 429 434 436–439 452–459 464 467–479 482
483 530 533–539 543 546 550 552–559 561–564 566 570 572 578 580 592–594 596–599 631–633 635 660 662 663 668 691 692 701
710–719 722 724 728 730 734–739 743–746 750–753 756 758 759 762 763 766 768 770–779 790 792–799 812 813 816–818 825–827
830–839 854–859 870 872–879 883 886–888 891–897 901–903 906 908 909 911–917 919 930–939 941 943 951–955 970–979 990–999
"""


def areas(text: str) -> list[str]:
    return [area for entry in text.replace("–", "-").split() for area in expanded(entry)]


def read(text: str) -> tuple[str, str, str]:
    """Class, what it may do as a caller, and what is irregular."""
    number = CHINA.read(text)
    return number.class_.name, number.class_.caller, number.irregular


@pytest.mark.parametrize("prefix", MOBILE)
def test_mobile(prefix: int) -> None:
    for rest in ("00000000", "12345678", "99999999"):
        if not f"{prefix}{rest}".startswith("1349"):
            assert read(f"{prefix}{rest}") == ("mobile", "allowed", "")
    assert CHINA.read(f"{prefix}1234567").irregular == CHINA.read(f"{prefix}123456789").irregular == "wrong_length"


@pytest.mark.parametrize("prefix", VIRTUAL)
def test_virtual_operators_are_seen_and_not_blamed(prefix: int) -> None:
    assert read(f"+86{prefix}12345678") == ("mobile_virtual", "allowed", "")
    assert CHINA.classes["mobile_virtual"].features == {"mvno"}


@pytest.mark.parametrize("prefix", NOBODYS)
def test_mobile_prefixes_of_nobody(prefix: int) -> None:
    # 1610, 1740 and 1741 are given in parts.
    assert read(f"{prefix}92345678") == ("mobile_unassigned" if prefix != 174 else "satellite", *(
        ("unassigned", "") if prefix != 174 else ("allowed", "")
    ))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "name", "caller"),
    [
        # satellite, and emergency support by it
        ("13491234567", "satellite", "allowed"),
        ("17400123456", "satellite", "allowed"),
        ("17405123456", "satellite", "allowed"),
        ("17406123456", "satellite", "allowed"),
        ("17412123456", "satellite", "allowed"),
        ("17413123456", "mobile_unassigned", "unassigned"),
        ("17491234567", "satellite", "allowed"),
        # mobile prefixes given in parts
        ("16101234567", "mobile", "allowed"),
        ("16111234567", "mobile_unassigned", "unassigned"),
        # machines: thirteen digits, and never a voice
        ("1400123456789", "machine", "no_voice"),
        ("1440123456789", "machine", "no_voice"),
        ("1410123456789", "machine", "no_voice"),
        ("1460123456789", "machine", "no_voice"),
        ("1480123456789", "machine", "no_voice"),
        ("+861480123456789", "machine", "no_voice"),
        # data cards
        *((f"{prefix}12345678", "data_card", "restricted") for prefix in DATA_CARDS),
        # area 26 is nobody's
        ("02612345678", "area_unassigned", "unassigned"),
        ("+862612345678", "area_unassigned", "unassigned"),
        # 95
        ("95588", "customer_service_code", "allowed"),
        ("955881", "customer_service_code", "allowed"),
        ("95338", "customer_service_code", "allowed"),
        ("953381", "customer_service_code", "allowed"),
        ("95608", "customer_service_code", "allowed"),
        ("95110", "coast_guard", "allowed"),
        ("95013", "call_centre_code", "undertaking"),
        ("95123", "call_centre_code", "undertaking"),
        ("95777", "call_centre_code", "undertaking"),
        ("952123", "call_centre_code_long", "undertaking"),
        ("954123", "call_centre_code_long", "undertaking"),
        ("95800", "other_95_code", "allowed"),
        ("9558812", "code_with_suffix", "allowed"),
        ("950131", "code_with_suffix", "allowed"),
        ("955881234", "code_with_suffix", "allowed"),
        ("9501234567", "code_with_long_suffix", "allowed"),
        ("95012345678", "code_with_long_suffix", "allowed"),
        # 96, with and without its area
        ("96110", "province_code", "allowed"),
        ("962288", "province_code", "allowed"),
        ("02196110", "province_code", "allowed"),
        ("+86755962288", "province_code", "allowed"),
        # never a caller
        ("4001234567", "shared_cost", "inbound_only"),
        ("+864001234567", "shared_cost", "inbound_only"),
        ("8001234567", "toll_free", "inbound_only"),
        # carriers
        ("10000", "carrier_code", "allowed"),
        ("10010", "carrier_code", "allowed"),
        ("10086", "carrier_code", "allowed"),
        ("10099", "carrier_code", "allowed"),
        ("1008611", "carrier_code_extended", "allowed"),
        ("01010086", "carrier_code", "allowed"),
        # emergency, in every spelling
        *((text, "emergency", "allowed") for code in ("110", "119", "120", "122")
          for text in (code, f"+86{code}", f"0755{code}", f"+8621{code}")),
        # information, services, government
        ("114", "information_code", "allowed"),
        ("0755114", "information_code", "allowed"),
        ("116114", "information_code_long", "allowed"),
        ("118114", "information_code_long", "allowed"),
        ("12315", "government_line", "allowed"),
        ("12321", "government_line", "allowed"),
        ("02112345", "government_line", "allowed"),
        # text messages
        ("10690123", "message_port", "no_voice"),
        ("106901234567", "message_port", "no_voice"),
        ("10690123456789012345", "message_port", "no_voice"),
        # old codes
        ("16012345", "legacy_code", "unassigned"),
        ("16812345", "legacy_code", "unassigned"),
        ("17909", "legacy_code", "unassigned"),
        ("193", "legacy_code", "unassigned"),
        # abroad
        ("+442079460001", "foreign", "allowed"),
        ("00442079460001", "foreign", "allowed"),
        ("+85223456789", "foreign", "allowed"),
        ("+85366123456", "foreign", "allowed"),
        ("+886212345678", "foreign", "allowed"),
    ],
)  # fmt: skip
def test_class(text: str, name: str, caller: str) -> None:
    assert read(text) == (name, caller, "")


@pytest.mark.parametrize(
    ("text", "irregular"),
    [
        ("9521", "wrong_length"),  # 952 and 954 have six digits
        ("95212", "wrong_length"),
        ("9558", "wrong_length"),
        ("961101234", "wrong_length"),
        ("400123456", "wrong_length"),
        ("+8640012345678", "wrong_length"),
        ("40012345678", "unmarked_foreign"),  # Romania's, by its look
        ("14801234567890", "wrong_length"),
        ("106901234567890123456", "wrong_length"),
        ("+86110110", "wrong_length"),
        ("02195588", "area_before_code"),
        ("62345678", "no_area_code"),
        ("8888888", "same_digit"),
        ("11111111111", "same_digit"),
        ("+8688888888888", "same_digit"),
        ("+8630062345678", "unassigned"),
        ("+866012345678", "unassigned"),
    ],
)
def test_no_number_of_the_plan(text: str, irregular: str) -> None:
    assert CHINA.read(text).irregular == irregular


def test_area_codes_and_their_lengths() -> None:
    eight, seven, either = areas(EIGHT), areas(SEVEN), areas(EITHER)
    assert (len(eight), len(seven), len(either)) == (50, 267, 4)
    for area, size in itertools.product(eight + seven + either, (7, 8)):
        number = CHINA.read(f"0{area}{'62345678'[:size]}")
        right = area in either or (size == 8) == (area in eight)
        # What is too long for one area may be short enough for the mobile prefix or the area that it also looks like.
        assert (number.area == area and number.irregular == "") is right, (area, size)
    listed = [area for _, entries in _groups() for entry in entries for area in expanded(entry)]
    assert sorted(listed) == sorted(eight + seven + either)


def _groups() -> list[tuple[str, tuple[str, ...]]]:
    groups = [item for province in PLAN.provinces.values() for item in province.areas.items()]
    return groups + list(PLAN.other_areas.items())


@pytest.mark.parametrize(
    ("area", "province"),
    [("10", "BJ"), ("010", "BJ"), ("21", "SH"), ("0755", "GD"), ("311", "HE"), ("898", "HI"), ("991", "XJ"), ("335", "HE"),
     ("349", "SX"), ("580", "ZJ"), ("701", "JX"), ("978", ""), ("26", "")],
)  # fmt: skip
def test_provinces(area: str, province: str) -> None:
    assert CHINA.province_of(area) == province


def test_a_province_is_said_of_numbers_and_of_codes_behind_an_area() -> None:
    assert (CHINA.read("075562345678").area, CHINA.read("075562345678").province) == ("755", "GD")
    assert (CHINA.read("075596110").area, CHINA.read("075596110").province) == ("755", "GD")
    assert (CHINA.read("96110").area, CHINA.read("96110").province) == ("", "")
    assert CHINA.read("13800138000").province == ""
    assert len(PLAN.provinces) == 31


@pytest.mark.parametrize("start", "019")
def test_no_subscriber_begins_so(start: str) -> None:
    number = CHINA.read(f"+8621{start}2345678")
    assert (number.kind, number.class_.name, number.irregular) == (Kind.E164, "fixed", "bad_subscriber")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1790913800138000", "+8613800138000"),
        ("12593 138 0013 8000", "+8613800138000"),
        ("17951021-6234-5678", "+862162345678"),
        ("118080013800138000", "+13800138000"),
        ("179090044207946000", "+44207946000"),
        ("17909alice", ""),
        ("1790912345", ""),
    ],
)
def test_a_carriers_prefix_is_taken_off(text: str, value: str) -> None:
    assert CHINA.read(text).value == value


def test_who_roams() -> None:
    roaming = {name for name, class_ in CHINA.classes.items() if class_.from_abroad == "roaming"}
    assert roaming == {"mobile", "mobile_virtual", "satellite", "data_card"}


def test_every_class_has_a_source_and_says_how_sure_it_is() -> None:
    assert all(settings.sources for settings in PLAN.classes.values())
    assert {source for settings in PLAN.classes.values() for source in settings.sources} == set(PLAN.sources)


@settings(max_examples=400, deadline=None)
@given(st.from_regex(r"[1-9][0-9]{0,20}", fullmatch=True))
def test_every_national_number_has_one_class_or_a_reason_why_it_has_none(digits: str) -> None:
    """By brute force over what the file says, not by the tables made of it."""
    found = {
        (name, prefix)
        for name, settings in PLAN.classes.items()
        if settings.form == "number"
        for entry in settings.prefixes
        for prefix in expanded(entry)
        if digits.startswith(prefix) and len(digits) in settings.digits
    }
    for sizes, entries in _groups():
        for entry in entries:
            found |= {("fixed", area + start) for area in expanded(entry) if digits.startswith(area)
                      for start in ("", *PLAN.subscriber_starts) if digits.startswith(area + start)
                      if len(digits) - len(area) in lengths_of(sizes)}  # fmt: skip
    number = CHINA.read("+86" + digits)
    if found:
        longest = max(len(prefix) for _, prefix in found)
        (expected,) = {name for name, prefix in found if len(prefix) == longest}
        assert (number.class_.name, number.value) == (expected, "+86" + digits)
    elif not number.value:
        assert number.irregular
    else:  # a code, alone or behind an area
        assert number.class_.form == "code"


@settings(max_examples=200, deadline=None)
@given(
    prefix=st.from_regex(r"[1-9][0-9]{0,7}", fullmatch=True),
    other=st.from_regex(r"[1-9][0-9]{4,12}", fullmatch=True),
)
def test_a_bare_prefix_and_its_complement(prefix: str, other: str) -> None:
    """A number is within the prefix's spans exactly when its national digits begin with it."""
    number = CHINA.read(other)
    if not number.value or not number.class_.form or number.class_.name == "foreign":
        return
    national = number.value.removeprefix("+86") if number.kind is Kind.E164 else number.value
    spans = CHINA.prefix_spans(prefix)
    inside = [low for low, high in spans if len(low) == len(number.value) and low <= number.value <= high]
    assert len(inside) == national.startswith(prefix)
