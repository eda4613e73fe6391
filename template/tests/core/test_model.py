from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy.exc import StatementError

import app.api  # noqa: F401 - with the routers come the models
from app.core.database.model import Model, UtcDateTime
from app.core.lifespan import State

Indexed = (Index, PrimaryKeyConstraint, UniqueConstraint)


def test_no_relationship_loads_by_itself() -> None:
    lazy = {
        str(relationship): relationship.lazy
        for mapper in Model.registry.mappers
        for relationship in mapper.relationships
    }

    assert lazy == dict.fromkeys(lazy, "raise")


def test_every_foreign_key_has_an_index() -> None:
    for table in Model.metadata.tables.values():
        missing = {key.parent for key in table.foreign_keys} - set(leading_columns(table))
        assert not missing, f"{table.name} needs an index that begins with it"


def leading_columns(table: Table) -> Iterator[Column[Any]]:
    """Find the columns that an index helps to look up by."""
    for item in (*table.indexes, *table.constraints):
        if isinstance(item, Indexed):
            yield next(iter(item.columns))


async def test_a_moment_keeps_its_place_in_time(state: State) -> None:
    moments = Table("moments", MetaData(), Column("at", UtcDateTime()))
    noon = datetime(2026, 6, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    async with state["database"].write() as session:
        await session.run_sync(lambda sync: moments.create(sync.connection()))
        await session.execute(moments.insert().values(at=noon))
        stored = (await session.execute(moments.select())).scalar_one()

    assert stored == noon
    assert stored.tzinfo is UTC


async def test_a_time_without_a_zone_is_refused(state: State) -> None:
    moments = Table("moments", MetaData(), Column("at", UtcDateTime()))

    with pytest.raises(StatementError, match="without a time zone"):
        async with state["database"].write() as session:
            await session.run_sync(lambda sync: moments.create(sync.connection()))
            naive = datetime(2026, 6, 1, 12)  # noqa: DTZ001 - the very case
            await session.execute(moments.insert().values(at=naive))
