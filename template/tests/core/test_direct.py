import asyncio
from datetime import UTC, datetime, timedelta, timezone

import anyio
import pytest
from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.core.database.direct import DirectQuery, DirectTransaction
from app.core.database.failure import Failure
from app.core.database.model import UtcDateTime
from app.core.database.session import Database
from app.core.database.text import moment_text
from app.core.database.types import BigId
from app.core.errors import Unavailable
from app.core.lifespan import State

notes = Table(
    "notes",
    MetaData(),
    Column("id", BigId, primary_key=True),
    Column("text", String(200), unique=True),
    Column("at", UtcDateTime),
    Column("above_id", ForeignKey("notes.id")),
)
ADD = DirectQuery(
    insert(notes).values(
        text=bindparam("text"), at=bindparam("at", None), above_id=bindparam("above_id", None)
    )
)
CHANGE = DirectQuery(update(notes).where(notes.c.text == "0").values(text=bindparam("new")))
TEXTS = DirectQuery(select(notes.c.text).order_by(notes.c.id))
AT = DirectQuery(select(moment_text(notes.c.at)).where(notes.c.id == bindparam("id")))
SINCE = DirectQuery(select(notes.c.id).where(notes.c.at >= bindparam("moment", type_=UtcDateTime)))
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
# Some million rows to count, of 20: no database is through with them in 20 ms.
LONG = DirectQuery(
    select(func.count()).select_from(
        *(select(literal_column("1")).select_from(notes).subquery() for _ in range(5))
    )
)
ECHO = DirectQuery(select(bindparam("number", type_=Integer) + 1))


@pytest.fixture
async def database(state: State) -> Database:
    async with state["database"].write() as session:
        await session.run_sync(lambda sync: notes.create(sync.connection()))
    return state["database"]


async def texts(database: Database) -> list[str | None]:
    async with database.direct() as connection:
        return [row[0] for row in await connection.fetch(TEXTS)]


async def test_a_parameter_that_there_is_not_is_a_mistake(database: Database) -> None:
    dialect = database.engine.dialect
    for query, parameters in ((TEXTS, {"id": 1}), (AT, {"id": 1, "ib": 2}), (ADD, {"now": NOON})):
        with pytest.raises(TypeError, match="has no parameter"):
            query.prepare(dialect, parameters)


def test_each_dialect_has_its_own_sql() -> None:
    first, second = DefaultDialect(paramstyle="qmark"), DefaultDialect(paramstyle="format")
    query = DirectQuery(AT.statement)

    prepared = [query.prepare(dialect, {"id": 1}) for dialect in (first, second, first)]

    (sql, _), (other_sql, _), again = prepared
    assert sql != other_sql
    assert again == prepared[0]


async def test_a_row_is_stored_and_its_id_is_told(database: Database) -> None:
    async with database.direct_transaction() as transaction:
        first = await transaction.insert(ADD, text="It's ü 船 %s :x ?")
        second = await transaction.insert(ADD, text=None, above_id=first)

    assert second > first
    # Of what was just committed, nothing is missing.
    assert await texts(database) == ["It's ü 船 %s :x ?", None]
    async with database.direct() as connection:
        assert await connection.fetch_value(AT, id=first) is None
        assert await connection.fetch_value(AT, id=second + 1) is None
        assert await connection.fetch(AT, id=second + 1) == []


async def test_what_a_session_stored_is_read(database: Database) -> None:
    for number in range(20):
        async with database.write() as session:
            await session.execute(insert(notes).values(text=f"{number}"))
        assert len(await texts(database)) == number + 1


async def test_a_moment_is_stored_in_utc(database: Database) -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=-7)))
    async with database.direct_transaction() as transaction:
        note_id = await transaction.insert(ADD, text="", at=elsewhere)

    async with database.direct() as connection:
        assert await connection.fetch_value(AT, id=note_id) == "2026-06-01T12:00:00Z"
        assert await connection.fetch_value(SINCE, moment=elsewhere) == note_id
        later = elsewhere + timedelta(microseconds=1)
        assert await connection.fetch_value(SINCE, moment=later) is None
        with pytest.raises(ValueError, match="without a time zone"):
            await connection.fetch(SINCE, moment=NOON.replace(tzinfo=None))


@pytest.mark.parametrize("wrong", [{"text": "secret"}, {"text": "hidden", "above_id": 4711}])
async def test_a_constraint_is_told_without_values(
    database: Database, wrong: dict[str, object]
) -> None:
    async with database.direct_transaction() as transaction:
        await transaction.insert(ADD, text="secret")

    with pytest.raises(IntegrityError) as caught:
        async with database.direct_transaction() as transaction:
            await transaction.insert(ADD, text="taken back")
            await transaction.insert(ADD, **wrong)

    # Some databases name the key that is taken, and none the values beside it.
    assert not {"hidden", "4711"} & set(str(caught.value).replace("'", " ").split())
    assert await texts(database) == ["secret"]


async def test_a_single_statement_is_a_transaction(database: Database) -> None:
    for text in ("0", "1"):
        await database.insert(ADD, text=text)
    with pytest.raises(IntegrityError):
        await database.insert(ADD, text="0")

    # The first finds a row that needs no change, the last finds none.
    found = [await database.execute(CHANGE, new=new) for new in ("0", "new", "newer")]
    assert (found, await texts(database)) == ([1, 1, 0], ["new", "1"])


async def test_an_effect_runs_after_the_commit(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[list[str | None]] = []

    async def look() -> None:
        seen.append(await texts(database))

    async def fail() -> None:
        raise RuntimeError("no effect")

    async with database.direct_transaction() as transaction:
        transaction.after_commit(fail)
        transaction.after_commit(look)
        await transaction.insert(ADD, text="a")
        assert seen == []
    with pytest.raises(RuntimeError, match="taken back"):
        async with database.direct_transaction() as transaction:
            transaction.after_commit(look)
            await transaction.insert(ADD, text="b")
            raise RuntimeError("taken back")

    assert seen == [["a"]]
    assert await texts(database) == ["a"]
    assert "no effect" in caplog.text


def is_conflict(_error: Exception) -> Failure:
    return Failure.CONFLICT


@pytest.mark.parametrize("succeeds_at", [3, None])
async def test_work_is_repeated_when_another_was_in_its_way(
    database: Database, monkeypatch: pytest.MonkeyPatch, succeeds_at: int | None
) -> None:
    attempts: list[str] = []
    effects: list[int] = []

    async def work(transaction: DirectTransaction) -> int:
        async def effect() -> None:
            effects.append(len(attempts))

        attempts.append("x")
        transaction.after_commit(effect)
        await transaction.insert(ADD, text="".join(attempts))
        if len(attempts) != succeeds_at:
            # What no database does on demand.
            raise DBAPIError("UPDATE", {}, RuntimeError("deadlock"))
        return len(attempts)

    monkeypatch.setattr("app.core.database.session.failure_of", is_conflict)
    if succeeds_at:
        assert await database.run_direct(work) == succeeds_at
        assert (await texts(database), effects) == (["xxx"], [3])
    else:
        with pytest.raises(Unavailable):
            await database.run_direct(work)
        assert (await texts(database), effects) == ([], [])


@pytest.mark.parametrize("in_transaction", [False, True])
async def test_a_query_that_is_cancelled_leaves_the_pool_whole(
    database: Database, *, in_transaction: bool
) -> None:
    async with database.write() as session:
        await session.execute(insert(notes), [{"text": f"{number}"} for number in range(20)])
    opened = database.direct_transaction if in_transaction else database.direct
    finished: list[int] = []

    async def ask() -> None:
        async with opened() as connection:
            if in_transaction:
                await connection.fetch(CHANGE, new="never")
            finished.append(await connection.fetch_value(LONG))

    for number in range(10):
        task = asyncio.create_task(ask())
        await asyncio.sleep(number / 500)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        # As a framework cancels: again, at each step of the way out.
        with anyio.move_on_after(number / 500):
            await ask()

    async def echo(number: int) -> int:
        async with database.direct() as connection:
            await asyncio.sleep(0.01)
            return await connection.fetch_value(ECHO, number=number)

    # Some may come to their end before they are cancelled, and are committed.
    assert len(finished) < 10
    assert database.stats()["checked_out"] == 0
    numbers = range(3 * database.limit)
    answers = await asyncio.gather(*(echo(number) for number in numbers))
    assert answers == [number + 1 for number in numbers]
    async with database.direct_transaction() as transaction:
        await transaction.insert(ADD, text="written")
    first = "never" if finished and in_transaction else "0"
    assert await texts(database) == [first, *map(str, range(1, 20)), "written"]
