"""What a reviewer looks for in transactions: who hears of them before they end."""

from contextlib import suppress
from typing import Annotated

import httpx2
import pytest
from fastapi import BackgroundTasks, Depends
from fastapi.responses import StreamingResponse
from sqlalchemy import Table, bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.core.database.direct import DirectQuery
from app.core.database.session import DatabaseDep, SessionDep, WriteSession, get_session
from app.core.lifespan import State
from app.core.tasks.broker import BrokerDep
from app.core.tasks.task import task
from app.core.tasks.within import enqueue_within
from tests.fixtures.planting import Plant, findings, line_of


@pytest.fixture
def database_pool_timeout_seconds() -> float:
    # A transaction is open, and a task is noted beside it: not every database lets both write.
    return 0.1


@task()
async def tell(_state: State, _number: int) -> None: ...


async def lines_of(
    client: httpx2.AsyncClient, plant: Plant, table: Table, source: str
) -> list[tuple[str, int]]:
    """Plant a route, ask it, and give the guards that say something, with their lines."""
    add = insert(table).values(id=bindparam("id"), name="x", amount=1)
    plant(
        source,
        Annotated=Annotated,
        AsyncConnection=AsyncConnection,
        AsyncSession=AsyncSession,
        BackgroundTasks=BackgroundTasks,
        BrokerDep=BrokerDep,
        DatabaseDep=DatabaseDep,
        Depends=Depends,
        SessionDep=SessionDep,
        StreamingResponse=StreamingResponse,
        WriteSession=WriteSession,
        add=add.values(id=3),
        add_direct=DirectQuery(add),
        enqueue_within=enqueue_within,
        get_session=get_session,
        read=select(table.c.name).where(table.c.id == 1),
        suppress=suppress,
        tell=tell,
    )
    response = await client.post("/planted")
    assert response.is_success, response.text
    found = findings()
    assert {each.path for each in found} <= {"app/features/planted.py"}
    return [(each.guard, each.line) for each in found]


EARLY = {
    "in the transaction of the request": """
        @app.post("/planted")
        async def handler(session: SessionDep, broker: BrokerDep) -> None:
            await session.execute(add)
            with suppress(Exception):
                await broker.enqueue(tell(3))
        """,
    "before what is written": """
        @app.post("/planted")
        async def handler(database: DatabaseDep, broker: BrokerDep) -> None:
            async with database.write() as session:
                await broker.enqueue(tell(3))
                await session.execute(add)
        """,
    "straight to the driver": """
        @app.post("/planted")
        async def handler(database: DatabaseDep, broker: BrokerDep) -> None:
            async with database.direct_transaction() as transaction:
                await transaction.execute(add_direct, id=3)
                with suppress(Exception):
                    await broker.enqueue(tell(3))
        """,
    "in a session of one's own, and rolled back": """
        async def enqueue(broker: BrokerDep) -> None:
            with suppress(Exception):
                await broker.enqueue(tell(3))

        @app.post("/planted")
        async def handler(database: DatabaseDep, broker: BrokerDep) -> None:
            async with AsyncSession(database.engine) as session:
                await session.execute(add)
                await enqueue(broker)
        """,
    "on a connection": """
        @app.post("/planted")
        async def handler(database: DatabaseDep, broker: BrokerDep) -> None:
            async with database.engine.begin() as connection:
                await connection.execute(add)
                with suppress(Exception):
                    await broker.enqueue(tell(3))
        """,
}
LATE = {
    "in a dependency that ends too late": """
        @app.post("/planted")
        async def handler(session: Annotated[WriteSession, Depends(get_session)]) -> None:
            await session.execute(add)
        """,
    "in a dependency of one's own": """
        async def begun(database: DatabaseDep):
            async with database.engine.begin() as connection:
                yield connection

        @app.post("/planted")
        async def handler(connection: Annotated[AsyncConnection, Depends(begun)]) -> None:
            await connection.execute(add)
        """,
    "in a background task": """
        @app.post("/planted")
        async def handler(database: DatabaseDep, later: BackgroundTasks) -> None:
            session = AsyncSession(database.engine)
            await session.execute(add)
            later.add_task(session.commit)
            later.add_task(session.close)
        """,
    "while the answer is on its way": """
        @app.post("/planted")
        async def handler(database: DatabaseDep) -> StreamingResponse:
            async def body():
                async with AsyncSession(database.engine) as session:
                    await session.execute(add)
                    yield "half"
                    await session.commit()
                    yield "whole"

            return StreamingResponse(body())
        """,
    "straight to the driver": """
        async def begun(database: DatabaseDep):
            async with database.direct_transaction() as transaction:
                yield transaction

        @app.post("/planted")
        async def handler(transaction: Annotated[object, Depends(begun)]) -> None:
            await transaction.execute(add_direct, id=3)
        """,
}
GOOD = {
    "within the transaction": """
        @app.post("/planted")
        async def handler(session: SessionDep, broker: BrokerDep) -> None:
            await session.execute(add)
            await enqueue_within(session, broker, tell(3))
        """,
    "within a direct transaction": """
        @app.post("/planted")
        async def handler(database: DatabaseDep, broker: BrokerDep) -> None:
            async with database.direct_transaction() as transaction:
                await transaction.execute(add_direct, id=3)
                await enqueue_within(transaction, broker, tell(3))
        """,
    "after the commit": """
        @app.post("/planted")
        async def handler(session: SessionDep, broker: BrokerDep) -> None:
            await session.execute(add)
            session.after_commit(lambda: broker.enqueue(tell(3)))
        """,
    "after the block": """
        @app.post("/planted")
        async def handler(database: DatabaseDep, broker: BrokerDep) -> None:
            async with database.write() as session:
                await session.execute(add)
            await broker.enqueue(tell(3))
        """,
    "beside what is only read": """
        @app.post("/planted")
        async def handler(database: DatabaseDep, broker: BrokerDep) -> None:
            async with database.read() as session:
                await session.scalar(read)
                await broker.enqueue(tell(3))
        """,
    "a background task with a transaction of its own": """
        async def write(database: DatabaseDep) -> None:
            async with database.write() as session:
                await session.execute(add)

        @app.post("/planted")
        async def handler(database: DatabaseDep, later: BackgroundTasks) -> None:
            later.add_task(write, database)
        """,
    "a stream that writes down how far it is": """
        @app.post("/planted")
        async def handler(database: DatabaseDep) -> StreamingResponse:
            async def body():
                yield "half"
                async with database.write() as session:
                    await session.execute(add)
                yield "whole"

            return StreamingResponse(body())
        """,
}


# What each guard has to find, and the call that it names.
BAD = {
    "task-before-commit": (EARLY, "broker.enqueue"),
    "commit-after-answer": (LATE, ".execute(add"),
}


@pytest.mark.parametrize(
    ("source", "guard", "call"),
    [
        pytest.param(source, guard, call, id=f"{guard} {name}")
        for guard, (sources, call) in BAD.items()
        for name, source in sources.items()
    ],
)
async def test_what_comes_at_the_wrong_time_is_named(
    client: httpx2.AsyncClient, plant: Plant, planted: Table, source: str, guard: str, call: str
) -> None:
    expected = (guard, line_of(source, call))

    assert await lines_of(client, plant, planted, source) == [expected]


@pytest.mark.parametrize("source", [pytest.param(each, id=name) for name, each in GOOD.items()])
async def test_what_waits_for_the_commit_is_not(
    client: httpx2.AsyncClient, plant: Plant, planted: Table, source: str
) -> None:
    assert await lines_of(client, plant, planted, source) == []
