"""What a reviewer looks for in values that are read, changed, and written back."""

from typing import Any

import httpx2
import pytest
from sqlalchemy import Table, bindparam, select, text, update
from sqlalchemy.orm import registry

from app.core.database.direct import DirectQuery
from app.core.database.session import DatabaseDep
from tests.fixtures.planting import Plant, findings
from tests.review.guards.transacting import Given, is_made_of

HANDLER = """
    @app.post("/planted")
    async def handler(amount: int, database: DatabaseDep) -> None:
        async with database.{opened}() as session:
            {lines}
    """
ROW = "row = await session.get_one(Row, 1)\n            "
ASKED = "old = await session.scalar(READ)\n            "


@pytest.fixture
def row_class(planted: Table) -> type:
    """A model of the table that is planted."""

    class Row:
        pass

    registry().map_imperatively(Row, planted)
    return Row


@pytest.fixture
def versioned_class(planted: Table) -> type:
    """A model whose updates compare what was there."""

    class Row:
        pass

    options = {"version_id_col": planted.c.amount, "version_id_generator": False}
    registry().map_imperatively(Row, planted, **options)
    return Row


async def found_in(
    client: httpx2.AsyncClient, plant: Plant, table: Table, row_class: type, lines: str
) -> list[str]:
    """Plant a route that does that, ask it, and give what was found in its last line."""
    one = table.c.id == 1
    source = HANDLER.format(
        opened="direct_transaction" if "DIRECT" in lines else "write", lines=lines
    )
    plant(
        source,
        DIRECT_READ=DirectQuery(select(table.c.amount).where(one)),
        DIRECT_WRITE=DirectQuery(update(table).where(one).values(amount=bindparam("amount"))),
        DatabaseDep=DatabaseDep,
        READ=select(table.c.amount).where(one),
        Row=row_class,
        ZERO=0,
        table=table,
        text=text,
        write=update(table).where(one),
    )
    response = await client.post("/planted", params={"amount": 40})
    assert response.is_success, response.text
    found = findings()
    last = len(source.rstrip().splitlines())
    assert {(each.path, each.line) for each in found} <= {("app/features/planted.py", last)}
    # Whatever is found twice is reported once.
    return sorted({each.guard for each in found})


@pytest.mark.parametrize(
    "lines",
    [
        ROW + "row.amount -= amount",
        ROW + "row.amount = row.amount + amount",
        ROW + "left = row.amount + 7\n            row.amount = max(left, 0)",
        ROW + "row.name += '!'",
        ROW + "row.name = ' '.join([row.name, 'x'])",
        ASKED + "await session.execute(write.values(amount=old + amount))",
        "row = (await session.execute(text('SELECT amount FROM planted WHERE id = 1'))).one()\n"
        "            await session.execute("
        "text('UPDATE planted SET amount = :new WHERE id = 1'), {'new': row.amount + amount})",
        "old = await session.fetch_value(DIRECT_READ)\n"
        "            await session.execute(DIRECT_WRITE, amount=old + amount)",
    ],
)
async def test_a_value_that_is_written_back_is_named(
    client: httpx2.AsyncClient, plant: Plant, planted: Table, row_class: type, lines: str
) -> None:
    assert await found_in(client, plant, planted, row_class, lines) == ["overwritten-value"]


@pytest.mark.parametrize(
    "lines",
    [
        # The database computes.
        "await session.execute(write.values(amount=table.c.amount + amount))",
        ROW + "row.amount = Row.amount + amount",
        # A lock.
        "row = await session.get_one(Row, 1, with_for_update=True)\n"
        "            row.amount -= amount",
        ROW + "await session.refresh(row, with_for_update=True)\n            row.amount -= amount",
        "old = await session.scalar(READ.with_for_update())\n"
        "            await session.execute(write.values(amount=old + amount))",
        # A row that nobody else knows yet.
        "row = Row()\n            row.amount = 0\n            row.amount += amount + 7",
        "row = Row()\n            row.id, row.amount = 3, 0\n            session.add(row)\n"
        "            await session.flush()\n            row.amount += amount + 7",
        # What the client says, or the code.
        ROW + "row.amount = amount",
        ROW + "row.name = f'{row.amount}'",
        ROW + "if row.amount < 5:\n                row.amount = 0",
        ASKED + "await session.execute(write.values(amount=amount))",
        ASKED + "await session.execute(write.values(amount=ZERO))",
        # An update that does nothing where another one came first.
        ASKED
        + "await session.execute(write.where(table.c.amount == old).values(amount=old + amount))",
    ],
)
async def test_a_value_that_nobody_can_overwrite_is_not(
    client: httpx2.AsyncClient, plant: Plant, planted: Table, row_class: type, lines: str
) -> None:
    assert await found_in(client, plant, planted, row_class, lines) == []


@pytest.mark.parametrize(
    ("new", "old", "text", "expected"),
    [
        (7, 5, "", True),
        (7, 5, "/posts/7", False),
        (7.5, 5, '{"price": 7.50}', False),
        ("On ships and boats", "On ships", "", True),
        ("On ships and boats", "On ships", '{"title": " On ships and boats"}', False),
        ("Über Schiffe", "Schiffe", r'{"title": "\u00dcber Schiffe"}', False),
        ("On boats", "On ships", "", False),
        (["a", "b"], ["a"], '["b"]', True),
        (["a", "b"], ["a"], '["a", "b"]', False),
        ({"a": 1, "b": 2}, {"a": 1}, '{"b": 2}', True),
        ({"a": 1, "b": 2}, {"a": 1}, '{"a": 1, "b": 2}', False),
        (True, False, "", False),
        (None, 5, "", False),
    ],
)
def test_what_the_client_sends_is_not_made_of_what_was_there(
    new: Any, old: Any, text: str, expected: bool
) -> None:
    assert is_made_of(new, old, Given(text)) is expected


async def test_a_row_with_a_version_takes_care_of_itself(
    client: httpx2.AsyncClient, plant: Plant, planted: Table, versioned_class: type
) -> None:
    lines = ROW + "row.amount += amount"

    assert await found_in(client, plant, planted, versioned_class, lines) == []
