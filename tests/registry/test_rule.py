"""The written rule, clause by clause."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.registry.rule import Standing, standing
from ringfence.registry.statements import Statement, consent, refusal, wish

CALLEE = "+8613000005001"
DAY = 1_700_000_000
BANK, SHOP = "holder:Bank", "holder:Shop"


def given_to(holder: str, day: int, until: int | None = None, proof: bool = True, sector: str = "") -> Statement:
    return consent(
        CALLEE,
        holder,
        DAY + day,
        until=until,
        reference="recording 1" if proof else "",
        sectors=(sector,) if sector else (),
    )


def refused(scope: str, day: int) -> Statement:
    return refusal(CALLEE, scope, DAY + day)


def wished(level: str, day: int, *sectors: str) -> Statement:
    return wish(CALLEE, level, DAY + day, sectors)


def row(scope: str, kind: str, day: int | None, until: int | None = None) -> Standing:
    return Standing(scope, kind, 0 if day is None else DAY + day, until)  # type: ignore[arg-type]


CASES = {
    "nothing said": ([], []),
    "a consent": ([given_to("Bank", 1)], [row(BANK, "consent", 1)]),
    "a consent without evidence counts, and beats nothing": ([given_to("Bank", 1, proof=False)], [row(BANK, "consent", None)]),
    "a refusal of all beats an older consent": ([given_to("Bank", 1), refused("*", 2)], [row("*", "refusal", 2)]),
    "a refusal of the holder beats an older consent": ([given_to("Bank", 1), refused(BANK, 2)], [row(BANK, "refusal", 2)]),
    "another holder's refusal does not": (
        [given_to("Bank", 1), refused(SHOP, 2)], [row(BANK, "consent", 1), row(SHOP, "refusal", 2)]),
    "a newer consent with evidence beats it, for its holder alone": (
        [refused("*", 2), given_to("Bank", 3)], [row("*", "refusal", 2), row(BANK, "consent", 3)]),
    "a newer consent without evidence does not": (
        [refused("*", 2), given_to("Bank", 3, proof=False)], [row("*", "refusal", 2)]),
    "nor one of the same second": ([refused(BANK, 2), given_to("Bank", 2)], [row(BANK, "refusal", 2)]),
    "the latest refusal is the one to beat": (
        [refused(BANK, 1), given_to("Bank", 2), refused(BANK, 3)], [row(BANK, "refusal", 3)]),
    "a beaten refusal of the holder is silent": ([refused(BANK, 1), given_to("Bank", 2)], [row(BANK, "consent", 2)]),
    "an unproven consent stays beaten beside a proven one": (
        [refused(BANK, 1), given_to("Bank", 2, until=DAY + 9), given_to("Bank", 3, proof=False)],
        [row(BANK, "consent", 2, DAY + 9)]),
    "the longest consent counts": (
        [given_to("Bank", 1, until=DAY + 50), given_to("Bank", 2), given_to("Bank", 3, until=DAY + 60)],
        [row(BANK, "consent", 2)]),
    "a sector's refusal beats a consent for it": (
        [given_to("Bank", 1, sector="finance"), refused("sector:finance", 2)], [row("sector:finance", "refusal", 2)]),
    "and one that names no sector": (
        [given_to("Bank", 1), refused("sector:finance", 2)], [row("sector:finance", "refusal", 2)]),
    "not one for another sector": (
        [given_to("Bank", 1, sector="travel"), refused("sector:finance", 2)],
        [row(BANK, "consent", 1), row("sector:finance", "refusal", 2)]),
    "a wish of level all is a refusal of all": ([given_to("Bank", 1), wished("all", 2)], [row("*", "wish", 2)]),
    "a wish of industries": (
        [given_to("Bank", 1, sector="retail"), wished("industries", 2, "travel", "finance")],
        [row(BANK, "consent", 1), row("sector:finance", "wish", 2), row("sector:travel", "wish", 2)]),
    "the newest wish takes the place of all earlier ones": (
        [wished("all", 2), wished("industries", 3, "travel")], [row("sector:travel", "wish", 3)]),
    "none is no wish any more": ([given_to("Bank", 1), wished("all", 2), wished("none", 3)], [row(BANK, "consent", 1)]),
    "but no consent": ([wished("none", 3)], []),
    "of two wishes of one second the stricter": ([wished("none", 3), wished("all", 3)], [row("*", "wish", 3)]),
    "a newer consent with evidence beats a wish": (
        [wished("all", 2), given_to("Bank", 3)], [row("*", "wish", 2), row(BANK, "consent", 3)]),
    "refusal and wish of one scope both show": ([wished("all", 2), refused("*", 1)], [row("*", "refusal", 1), row("*", "wish", 2)]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_counts(name: str) -> None:
    said, expected = CASES[name]
    for order in itertools.permutations(said):
        assert standing(order) == expected


sayings = st.lists(
    st.one_of(
        st.builds(
            given_to,
            st.sampled_from(["Bank", "Shop"]),
            st.integers(0, 5),
            proof=st.booleans(),
            sector=st.sampled_from(["", "finance", "travel"]),
        ),
        st.builds(refused, st.sampled_from(["*", BANK, SHOP, "sector:finance"]), st.integers(0, 5)),
        st.builds(wished, st.sampled_from(["all", "none"]), st.integers(0, 5)),
    ),
    max_size=6,
)


@given(sayings)
def test_no_consent_counts_against_a_refusal_unless_proven_and_newer(said: list[Statement]) -> None:
    counting = standing(said)
    for entry in counting:
        if entry.kind != "consent":
            continue
        for other in said:
            if other.kind == "refusal" and other.scope in ("*", entry.scope):
                assert entry.since > other.since
    assert standing(reversed(said)) == counting


@given(sayings, st.sampled_from(["*", BANK]))
def test_a_refusal_recorded_now_ends_every_consent_that_it_concerns(said: list[Statement], scope: str) -> None:
    left = {entry.scope for entry in standing([*said, refused(scope, 9)]) if entry.kind == "consent"}
    assert not left if scope == "*" else BANK not in left
