from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from fastapi.routing import APIRoute

from app.core.routing import add_routes, holds_routes_alone


class OwnRoute(APIRoute):
    pass


async def real() -> str:
    return "real"


@pytest.fixture
def router() -> APIRouter:
    router = APIRouter(prefix="/test", tags=["testing"], route_class=OwnRoute)

    @router.post("/things/{name}", status_code=202, summary="Do things", operation_id="things")
    async def do_things(name: str, who: Annotated[str, Depends(real)]) -> str:
        return f"{who} {name}"

    return router


async def answer(app: FastAPI) -> httpx2.Response:
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.post("/test/things/ropes")


async def test_a_route_is_what_it_would_be_in_its_router(router: APIRouter) -> None:
    apps = [FastAPI(responses={"default": {"description": "Any error."}}) for _ in range(2)]
    add_routes(apps[0], router)
    apps[1].include_router(router)

    assert apps[0].openapi() == apps[1].openapi()
    assert isinstance(apps[0].routes[-1], OwnRoute)
    for app in apps:
        assert ((await answer(app)).status_code, (await answer(app)).json()) == (202, "real ropes")
        app.dependency_overrides[real] = lambda: "another"
        assert (await answer(app)).json() == "another ropes"


async def test_what_is_more_than_routes_keeps_its_level(router: APIRouter) -> None:
    events: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        events.append("open")
        yield

    with_lifespan = APIRouter(lifespan=lifespan)
    with_socket = APIRouter()
    with_router = APIRouter()
    with_router.include_router(router)

    @with_socket.websocket("/test/socket")
    async def socket(_socket: WebSocket) -> None:
        events.append("socket")

    assert holds_routes_alone(router)
    for other in (with_lifespan, with_socket, with_router):
        assert not holds_routes_alone(other)
    app = FastAPI()
    for other in (with_lifespan, with_router):
        add_routes(app, other)
    async with app.router.lifespan_context(app):
        assert events == ["open"]
    assert (await answer(app)).json() == "real ropes"
