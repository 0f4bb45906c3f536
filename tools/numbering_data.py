#!/usr/bin/env python
"""Writes the parts of the numbering plans that are taken from libphonenumber's metadata (package phonenumbers).

    .venv/bin/python tools/numbering_data.py areas    mainland China's area codes by province, for config/numbering/cn.yaml
    .venv/bin/python tools/numbering_data.py world    country codes and the lengths of their numbers, world.csv
    .venv/bin/python tools/numbering_data.py zones    time zones of numbers by their first digits, zones.csv

An area code belongs to a plan when a subscriber number behind it is valid there; its province is what the geocoder's
description of such a number ends with. Look at the difference before it is committed: metadata lag behind and err, too.
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberType, timezone
from phonenumbers.geodata import GEOCODE_DATA
from phonenumbers.tzdata import TIMEZONE_DATA

SUBSCRIBER_STARTS = "2345678"
PEOPLE = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
CHANCE = random.Random(1)  # the same table every time

# ISO 3166-2:CN, by the English name that the geocoder uses. Its data call cities by their name alone where the
# description would not grow clearer by the province, hence the few cities.
PROVINCES = {
    "Beijing": "BJ", "Tianjin": "TJ", "Hebei": "HE", "Shanxi": "SX", "Inner Mongolia": "NM", "Liaoning": "LN",
    "Jilin": "JL", "Heilongjiang": "HL", "Shanghai": "SH", "Jiangsu": "JS", "Zhejiang": "ZJ", "Anhui": "AH",
    "Fujian": "FJ", "Jiangxi": "JX", "Shandong": "SD", "Henan": "HA", "Hubei": "HB", "Hunan": "HN", "Guangdong": "GD",
    "Guangxi": "GX", "Hainan": "HI", "Chongqing": "CQ", "Sichuan": "SC", "Guizhou": "GZ", "Yunnan": "YN", "Tibet": "XZ",
    "Shaanxi": "SN", "Gansu": "GS", "Qinghai": "QH", "Ningxia": "NX", "Xinjiang": "XJ",
}  # fmt: skip
NATIVE = {
    "BJ": "北京", "TJ": "天津", "HE": "河北", "SX": "山西", "NM": "内蒙古", "LN": "辽宁", "JL": "吉林", "HL": "黑龙江",
    "SH": "上海", "JS": "江苏", "ZJ": "浙江", "AH": "安徽", "FJ": "福建", "JX": "江西", "SD": "山东", "HA": "河南",
    "HB": "湖北", "HN": "湖南", "GD": "广东", "GX": "广西", "HI": "海南", "CQ": "重庆", "SC": "四川", "GZ": "贵州",
    "YN": "云南", "XZ": "西藏", "SN": "陕西", "GS": "甘肃", "QH": "青海", "NX": "宁夏", "XJ": "新疆",
}  # fmt: skip


def lengths(area: str) -> list[int]:
    """Digits that subscriber numbers of an area have."""
    return [
        size
        for size in (7, 8)
        if any(
            phonenumbers.is_valid_number_for_region(phonenumbers.parse(f"+86{area}{start}{fill * (size - 1)}"), "CN")
            and phonenumbers.number_type(phonenumbers.parse(f"+86{area}{start}{fill * (size - 1)}"))
            in (PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
            for start in SUBSCRIBER_STARTS
            for fill in "123456789"
        )
    ]


def province(area: str) -> str:
    """The province's code, "" where the geocoder knows none."""
    below = [prefix for prefix in GEOCODE_DATA if prefix.startswith("86" + area)]
    above = [("86" + area)[:size] for size in range(len(area) + 1, 2, -1) if ("86" + area)[:size] in GEOCODE_DATA]
    found = {
        PROVINCES[part]
        for prefix in below or above[:1]
        for part in [GEOCODE_DATA[prefix].get("en", "").split(",")[-1].strip()]
        if part in PROVINCES
    }
    return found.pop() if len(found) == 1 else ",".join(sorted(found))


def folded(codes: list[str]) -> str:
    """`"310", "312-319"`: runs of neighbours as one entry."""
    parts: list[str] = []
    run: list[str] = []
    for code in [*sorted(codes), ""]:
        if run and code and int(code) == int(run[-1]) + 1 and len(code) == len(run[-1]):
            run.append(code)
            continue
        if run:
            parts += [f'"{run[0]}-{run[-1]}"'] if len(run) > 2 else [f'"{each}"' for each in run]
        run = [code]
    return ", ".join(parts)


def areas() -> None:
    """The `provinces:` block of a plan."""
    known: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for area in ["10", *(f"2{digit}" for digit in range(10)), *map(str, range(300, 1000))]:
        sizes = lengths(area)
        if sizes:
            known[province(area)]["-".join(map(str, sizes))].append(area)
    total = sum(len(codes) for groups in known.values() for codes in groups.values())
    print(f"# {total} area codes, libphonenumber {phonenumbers.__version__}")
    for code in [*PROVINCES.values(), *sorted(set(known) - set(PROVINCES.values()))]:
        groups = ", ".join(f'"{sizes}": [{folded(codes)}]' for sizes, codes in sorted(known[code].items()))
        print(f"  {code}: {{name: {NATIVE.get(code, '?')}, areas: {{{groups}}}}}")


def world() -> None:
    """One line a country code: region, and the digits that numbers behind it may have."""
    print(f"# Country codes, each with its region and the digits that its numbers may have (libphonenumber")
    print(f"# {phonenumbers.__version__}; `tools/numbering_data.py world`). 001: a code of no country (ITU-T E.164).")
    print("code,region,digits")
    for code, regions in sorted(COUNTRY_CODE_TO_REGION_CODE.items(), key=lambda item: str(item[0])):
        sizes: set[int] = set()
        for region in regions:
            metadata = (
                PhoneMetadata.metadata_for_nongeo_region(code)
                if region == "001"
                else PhoneMetadata.metadata_for_region(region)
            )
            sizes |= set(metadata.general_desc.possible_length)
        print(f"{code},{regions[0]},{' '.join(map(str, sorted(sizes)))}")


def zones_behind(prefix: str, written: tuple[str, ...]) -> tuple[str, ...]:
    """Zones of numbers that begin so: libphonenumber's table has the network's home for mobiles that go anywhere, its
    functions know better. Of a sample of valid numbers all that they say; without one what is written."""
    found: set[str] = set()
    for size in range(8, 14):
        for _ in range(12):
            digits = prefix + "".join(CHANCE.choices("0123456789", k=size - len(prefix)))
            if size <= len(prefix):
                continue
            number = phonenumbers.parse("+" + digits)
            if phonenumbers.number_type(number) in PEOPLE:  # of valid numbers alone
                found |= set(timezone.time_zones_for_number(number)) - {timezone.UNKNOWN_TIMEZONE}
    # A number further down may have a line of its own: what counts here are those that have not.
    return tuple(sorted(found)) if found and not set(written) > found else written


def zones() -> None:
    """One line a prefix that says something else than the next shorter one does."""
    known = {prefix: zones_behind(prefix, names) for prefix, names in TIMEZONE_DATA.items()}
    print("# Time zones that numbers may be in, by their first digits; the longest counts (libphonenumber")
    print(f"# {phonenumbers.__version__}; `tools/numbering_data.py zones`).")
    print("prefix,zones")
    for prefix, names in sorted(known.items()):
        above = next((known[prefix[:size]] for size in range(len(prefix) - 1, 0, -1) if prefix[:size] in known), ())
        if names != above:
            print(f"{prefix},{' '.join(names)}")


if __name__ == "__main__":
    {"areas": areas, "world": world, "zones": zones}[sys.argv[1] if len(sys.argv) == 2 else ""]()
