from typing import Annotated, Literal, Self

import pytest
from fastapi import FastAPI, Query, Request
from fastapi.testclient import TestClient
from pydantic import Field, model_validator

from app.core.query import QueryModel


class Filter(QueryModel):
    """What a query may look like."""

    name: str
    limit: int = Field(default=20, ge=1, le=100, description="Rows.")
    order: Literal["up", "down"] | None = None
    tag: str | None = Field(default=None, max_length=3, deprecated=True)
    is_open: bool = False

    @model_validator(mode="after")
    def has_one_order(self) -> Self:
        if self.name == "both" and self.order:
            raise ValueError("not both")
        return self


def described(app: FastAPI) -> object:
    return app.openapi()["paths"]["/"]["get"]["parameters"]


@pytest.fixture
def clients() -> tuple[TestClient, TestClient]:
    ours, theirs = FastAPI(), FastAPI()

    @ours.get("/", openapi_extra=Filter.documented())
    async def read(request: Request) -> Filter:
        return Filter.of(request)

    @theirs.get("/")
    async def take(query: Annotated[Filter, Query()]) -> Filter:
        return query

    return TestClient(ours), TestClient(theirs)


def test_it_is_described_as_fastapi_would(clients: tuple[TestClient, TestClient]) -> None:
    ours, theirs = (described(client.app) for client in clients if isinstance(client.app, FastAPI))

    assert ours == theirs


@pytest.mark.parametrize(
    "query",
    [
        "name=a",
        "",
        "name=",
        "name=%C3%BC+b&limit=7&order=up&is_open=yes&other=1",
        "name=a&name=b",
        "name=a;b&limit=%31",
        "name=a&limit=0&order=sideways&tag=long",
        "name=both&order=up",
        "name=%ff&limit=x",
        "name=a&limit=",
    ],
)
def test_it_is_read_as_fastapi_would(clients: tuple[TestClient, TestClient], query: str) -> None:
    ours, theirs = (client.get(f"/?{query}") for client in clients)

    assert (ours.status_code, ours.json()) == (theirs.status_code, theirs.json())
