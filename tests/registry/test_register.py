"""What is recorded is found again, counts by the rule, and reaches whoever follows; on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from ringfence.registry import feed, tables
from ringfence.registry.actors import Actor
from ringfence.registry.database import NEWEST
from ringfence.registry.errors import BadStatement, Forbidden, Gone, RegistryError
from ringfence.registry.feed import IndexRow
from ringfence.registry.opening import open_registry
from ringfence.registry.register import MOST_OF_ONE_SCOPE, Recorded, Registry
from ringfence.registry.settings import RegistrySettings
from ringfence.registry.statements import consent, refusal, wish
from ringfence.registry.upkeep import retain

ONE, TWO = "+8613000005001", "+8613000005002"
DAY = 1_700_000_000


async def followed(registry: Registry, after: int = 0) -> list[tuple[str, str, str, int | None]]:
    return [(row.callee, row.scope, row.kind, row.until) for row in await feed.changes(registry, after)]


async def held(registry: Registry) -> list[IndexRow]:
    return [row async for some in feed.rows(registry, batch=2) for row in some]


class TestRecording:
    async def test_a_consent_counts_and_a_later_refusal_takes_it_away(
        self, registry: Registry, operator: Actor
    ) -> None:
        done = await registry.record(consent(ONE, "Bank", DAY, reference="call 17"), operator)
        assert done.new
        assert await held(registry) == [IndexRow(ONE, "holder:Bank", "consent", DAY, None, 1)]
        await registry.record(refusal(ONE, "*", DAY + 5), operator)
        assert await held(registry) == [IndexRow(ONE, "*", "refusal", DAY + 5, None, 3)]
        assert await followed(registry) == [
            (ONE, "holder:Bank", "consent", None),
            (ONE, "holder:Bank", "consent", 0),
            (ONE, "*", "refusal", None),
        ]
        said = await registry.said(ONE, operator)
        assert [(one.statement.kind, one.recorded_by) for one in said] == [
            ("consent", "operator:lin"),
            ("refusal", "operator:lin"),
        ]
        assert abs(said[0].recorded_at - time.time()) < 60

    async def test_the_very_same_statement_is_recorded_once(self, registry: Registry, operator: Actor) -> None:
        one = consent(ONE, "Bank", DAY, purpose="cards")
        first, second = await registry.record_all([one, consent(ONE, "Bank", DAY, purpose="cards")], operator)
        assert (first, second) == (Recorded(1, True), Recorded(1, False))
        assert await registry.record(one, operator) == Recorded(1, False)
        assert (await registry.record(consent(ONE, "Bank", DAY, purpose="loans"), operator)).new
        assert len(await registry.said(ONE, operator)) == 2
        assert await feed.head(registry) == 1

    async def test_a_changed_entry_is_told_once_and_whole(self, registry: Registry, operator: Actor) -> None:
        await registry.record(consent(ONE, "Bank", DAY, until=DAY + 10_000_000_00, reference="1"), operator)
        await registry.record(consent(ONE, "Bank", DAY + 1, until=DAY + 10_000_000_50, reference="2"), operator)
        assert await feed.changes(registry, 1) == [
            IndexRow(ONE, "holder:Bank", "consent", DAY + 1, DAY + 10_000_000_50, 2)
        ]

    async def test_many_callees_come_whole_and_in_batches(self, registry: Registry, operator: Actor) -> None:
        numbers = [f"+86130000{place:05}" for place in range(30)]
        said = [
            one
            for number in numbers
            for one in (
                refusal(number, "sector:finance", DAY),
                wish(number, "all", DAY),
                consent(number, "B", DAY + 1, reference="1"),
            )
        ]
        assert all(isinstance(done, Recorded) for done in await registry.record_all(said, operator))
        batches = [some async for some in feed.rows(registry, batch=7)]
        assert len(batches) > 3
        callees = [[row.callee for row in some] for some in batches]
        assert sorted({one for some in callees for one in some}) == numbers
        assert sum(len(set(some)) for some in callees) == len(numbers)  # no callee in two batches
        assert len([row for some in batches for row in some]) == 90
        later = await feed.head(registry)
        await registry.record(refusal(ONE, "*", DAY), operator)
        assert [row async for some in feed.rows(registry, after=later) for row in some] == [
            IndexRow(ONE, "*", "refusal", DAY, None, later + 1)
        ]

    async def test_an_ended_consent_is_not_among_the_rows(self, registry: Registry, operator: Actor) -> None:
        await registry.record(consent(ONE, "Bank", DAY, until=DAY + 60, reference="1"), operator)
        assert await held(registry) == []
        assert await followed(registry) == [(ONE, "holder:Bank", "consent", DAY + 60)]

    async def test_the_future_and_unknown_evidence_are_refused(self, registry: Registry, operator: Actor) -> None:
        with pytest.raises(BadStatement, match="since: is in the future"):
            await registry.record(refusal(ONE, "*", int(time.time()) + 3600), operator)
        faults = await registry.record_all(
            [consent(ONE, "Bank", DAY, evidence="0" * 64), consent(ONE, "Bank", DAY, reference="1")], operator
        )
        assert isinstance(faults[0], BadStatement) and faults[0].field == "evidence"
        assert isinstance(faults[1], Recorded)

    async def test_statements_of_one_scope_are_bounded_and_refusals_are_still_heard(
        self, registry: Registry, operator: Actor, bank: Actor
    ) -> None:
        said = [consent(ONE, "Bank", DAY, purpose=f"purpose {place}") for place in range(MOST_OF_ONE_SCOPE + 1)]
        done = await registry.record_all(said, bank)
        assert [isinstance(one, BadStatement) for one in done] == [False] * MOST_OF_ONE_SCOPE + [True]
        assert (await registry.record(refusal(ONE, "*", DAY), operator)).new

    async def test_writers_at_once_get_one_order(self, registry: Registry, operator: Actor) -> None:
        async def write(place: int) -> None:
            await registry.record(refusal(f"+86130000{place:05}", "*", DAY + place), operator)

        await asyncio.gather(*(write(place) for place in range(20)))
        assert [row.sequence for row in await feed.changes(registry, 0)] == list(range(1, 21))


class TestEnding:
    async def test_a_withdrawn_consent_no_longer_counts(self, registry: Registry, bank: Actor, operator: Actor) -> None:
        await registry.record(consent(ONE, "Bank", DAY, reference="1"), bank)
        await registry.record(consent(ONE, "Shop", DAY, reference="1"), operator)
        assert await registry.end(ONE, bank, {"consent"}, "holder:Bank", "by telephone") == 1
        assert await registry.end(ONE, bank, {"consent"}, "holder:Bank") == 0
        assert [row.scope for row in await held(registry)] == ["holder:Shop"]
        (said,) = await registry.said(ONE, bank, "Bank")
        assert said.ended_at is not None
        assert (await registry.record(consent(ONE, "Bank", DAY, reference="1"), bank)) == Recorded(said.id, False)
        assert len(await held(registry)) == 1

    async def test_a_lifted_refusal_lets_the_consent_count_again(self, registry: Registry, operator: Actor) -> None:
        await registry.record(consent(ONE, "Bank", DAY), operator)
        await registry.record(refusal(ONE, "*", DAY + 1), operator)
        assert await registry.end(ONE, operator, {"refusal"}, "*", "the wrong number was typed") == 1
        assert [row.kind for row in await held(registry)] == ["consent"]

    async def test_nothing_about_a_stranger(self, registry: Registry, operator: Actor) -> None:
        assert await registry.end(TWO, operator, {"consent", "refusal", "wish"}) == 0
        assert await registry.said(TWO, operator) == []
        assert await registry.standing(TWO, operator) == []


class TestRoles:
    async def test_a_holder_keeps_to_itself(self, registry: Registry, bank: Actor, operator: Actor) -> None:
        await registry.record(refusal(ONE, "holder:Bank", DAY), bank)
        for other in (consent(ONE, "Shop", DAY), refusal(ONE, "*", DAY), wish(ONE, "all", DAY)):
            with pytest.raises(Forbidden):
                await registry.record(other, bank)
        for scope, kinds in (("holder:Shop", {"consent"}), ("holder:Bank", {"refusal"}), (None, {"consent"})):
            with pytest.raises(Forbidden):
                await registry.end(ONE, bank, kinds, scope)  # type: ignore[arg-type]
        await registry.record(consent(ONE, "Shop", DAY), operator)
        await registry.record(refusal(ONE, "*", DAY), operator)
        for holder in (None, "Shop"):
            with pytest.raises(Forbidden):
                await registry.said(ONE, bank, holder)
        assert [one.statement.scope for one in await registry.said(ONE, bank, "Bank")] == ["holder:Bank"]
        assert [row.scope for row in await registry.standing(ONE, bank, "Bank")] == ["*", "holder:Bank"]
        with pytest.raises(Forbidden):
            await registry.listing(bank)

    async def test_an_auditor_writes_nothing(self, registry: Registry, auditor: Actor) -> None:
        with pytest.raises(Forbidden):
            await registry.record(refusal(ONE, "*", DAY), auditor)


class TestNumbers:
    async def test_a_number_stands_nowhere_in_clear(self, registry: Registry, operator: Actor) -> None:
        await registry.record(consent(ONE, "Bank", DAY, reference="1"), operator)
        async with registry.database.reading() as connection:
            for table in tables.metadata.sorted_tables:
                rows = (await connection.execute(sa.select(table))).all()
                assert "30000050" not in str(rows)

    async def test_listings_are_masked_and_full_ones_are_audited(
        self, registry: Registry, operator: Actor, auditor: Actor, bank: Actor
    ) -> None:
        await registry.record(consent(ONE, "Bank", DAY), operator)
        await registry.record(consent(TWO, "Shop", DAY), operator)
        assert [one.statement.callee for one in await registry.listing(operator)] == [
            "+86130****5001",
            "+86130****5002",
        ]
        assert len(await registry.listing(bank, "holder:Bank")) == 1
        with pytest.raises(Forbidden):
            await registry.listing(bank, "holder:Bank", full=True)
        seen = await registry.listing(auditor, after=1, full=True)
        assert [one.statement.callee for one in seen] == [TWO]
        async with registry.database.reading() as connection:
            last = (await connection.execute(sa.select(tables.audit).order_by(tables.audit.c.sequence.desc()))).first()
        assert last is not None
        assert (last.action, last.actor, last.origin, last.detail) == (
            "looked",
            "auditor:wu",
            "10.0.0.2",
            '{"subjects":[2]}',
        )


async def test_a_follower_that_was_away_too_long_is_told(
    registry: Registry, operator: Actor, settings: RegistrySettings, evidence: object
) -> None:
    await registry.record(refusal(ONE, "*", DAY), operator)
    async with registry.database.writing() as connection:
        await connection.execute(sa.update(tables.change).values(at=DAY))
    assert (await retain(registry, evidence, settings, operator)).changes == 1  # type: ignore[arg-type]
    with pytest.raises(Gone):
        await feed.changes(registry, 0)
    assert await feed.changes(registry, 1) == []
    assert len(await held(registry)) == 1


async def test_the_migrations_make_the_tables(registry: Registry) -> None:
    def differences(connection: sa.Connection) -> object:
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == NEWEST
        return compare_metadata(context, tables.metadata)

    async with registry.database.reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_it_opens_again_with_all_that_it_knew(
    settings: RegistrySettings, tmp_path: Path, operator: Actor
) -> None:
    first, second = await asyncio.gather(open_registry(settings, tmp_path), open_registry(settings, tmp_path))
    async with first:
        await first.record(refusal(ONE, "*", DAY), operator)
    async with second:
        assert [row.callee for row in await held(second)] == [ONE]


async def test_a_registry_of_another_version_is_refused(settings: RegistrySettings, tmp_path: Path) -> None:
    async with await open_registry(settings, tmp_path) as registry:
        async with registry.database.writing() as connection:
            await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RegistryError, match="another version"):
        await open_registry(settings, tmp_path)


async def test_a_database_that_is_not_there_is_said_without_secrets(tmp_path: Path) -> None:
    settings = RegistrySettings(url=f"postgresql://ringfence@/x?host={tmp_path}")
    with pytest.raises(RegistryError, match=r"cannot be reached|did not do it"):
        await open_registry(settings, tmp_path)
