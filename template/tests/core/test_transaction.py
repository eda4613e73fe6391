from dataclasses import dataclass
from typing import Annotated, NoReturn

import httpx2
import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import event, text

from app.core.database.session import SessionDep


@dataclass
class Unit:
    session: SessionDep


def fail(_session: object) -> NoReturn:
    raise RuntimeError("the disk is full")


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    @app.post("/test/notes")
    async def add_note(session: SessionDep) -> dict[str, str]:
        await session.execute(text("CREATE TABLE notes (id INTEGER)"))
        event.listen(session.sync_session, "before_commit", fail)
        return {"status": "stored"}

    @app.post("/test/same")
    async def compare(session: SessionDep, unit: Annotated[Unit, Depends()]) -> bool:
        return session is unit.session

    return app


async def test_a_request_has_one_transaction(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/test/same")).json() is True


async def test_a_commit_that_fails_is_not_a_success(client: httpx2.AsyncClient) -> None:
    response = await client.post("/test/notes")

    assert response.status_code == 500
