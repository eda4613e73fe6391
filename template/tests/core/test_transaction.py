from dataclasses import dataclass
from typing import Annotated, NoReturn

import httpx2
import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import Column, Integer, MetaData, Table, event, func, select

from app.core.database.session import SessionDep
from app.core.lifespan import State

notes = Table("notes", MetaData(), Column("id", Integer, primary_key=True))


@dataclass
class Unit:
    session: SessionDep


def fail(_session: object) -> NoReturn:
    raise RuntimeError("the disk is full")


@pytest.fixture
def effects() -> list[str]:
    return []


@pytest.fixture
def app(app: FastAPI, effects: list[str]) -> FastAPI:
    async def effect() -> None:
        effects.append("done")

    @app.post("/test/notes")
    async def add_note(session: SessionDep, *, fails: bool) -> dict[str, str]:
        session.after_commit(effect)
        await session.execute(notes.insert())
        if fails:
            event.listen(session.sync_session, "before_commit", fail)
        return {"status": "stored"}

    @app.post("/test/same")
    async def compare(session: SessionDep, unit: Annotated[Unit, Depends()]) -> bool:
        return session is unit.session

    return app


async def test_a_request_has_one_transaction(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/test/same")).json() is True


@pytest.mark.parametrize(("fails", "status", "stored"), [(False, 200, 1), (True, 500, 0)])
async def test_a_commit_that_fails_is_not_a_success(
    client: httpx2.AsyncClient,
    state: State,
    effects: list[str],
    *,
    fails: bool,
    status: int,
    stored: int,
) -> None:
    async with state["database"].write() as session:
        await session.run_sync(lambda sync: notes.create(sync.connection()))

    response = await client.post("/test/notes", params={"fails": fails})

    assert response.status_code == status
    assert effects == ["done"] * stored
    async with state["database"].read() as session:
        count = select(func.count()).select_from(notes)
        assert (await session.execute(count)).scalar_one() == stored
    assert state["database"].stats()["checked_out"] == 0
