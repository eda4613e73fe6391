from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    inspect,
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


async def test_every_index_and_constraint_is_in_the_database(state: State) -> None:
    async with state["database"].read() as session:
        found = await session.run_sync(lambda sync: described(sync.connection()))

    assert {table: found[table] for table in Model.metadata.tables} == {
        table.name: declared(table) for table in Model.metadata.tables.values()
    }


Columns = tuple[str, ...]


def declared(table: Table) -> tuple[set[Columns], set[Columns], set[Columns], Columns]:
    """Tell what the models say: indexes, unique columns, foreign keys, the primary key."""
    unique = [item for item in table.constraints if isinstance(item, UniqueConstraint)]
    return (
        {names(index.columns) for index in table.indexes if not index.unique},
        {names(item.columns) for item in (*unique, *(i for i in table.indexes if i.unique))},
        {names(key.columns) for key in table.foreign_key_constraints},
        names(table.primary_key.columns),
    )


def described(
    connection: Connection,
) -> dict[str, tuple[set[Columns], set[Columns], set[Columns], Columns]]:
    """Tell what the database says."""
    inspector = inspect(connection)
    return {
        table: (
            {
                tuple(map(str, i["column_names"]))
                for i in inspector.get_indexes(table)
                if not i["unique"]
            },
            {tuple(map(str, u["column_names"])) for u in inspector.get_unique_constraints(table)},
            {tuple(key["constrained_columns"]) for key in inspector.get_foreign_keys(table)},
            tuple(inspector.get_pk_constraint(table)["constrained_columns"]),
        )
        for table in inspector.get_table_names()
    }


def names(columns: Iterable[Column[Any]]) -> Columns:
    return tuple(column.name for column in columns)


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
