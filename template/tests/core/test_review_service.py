"""What a reviewer looks for in the service as it is served: `app.main` is yours to change."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request

from app.core.compression.middleware import CompressionMiddleware
from app.core.lifespan import State
from app.core.middleware.envelope import EnvelopeMiddleware
from app.settings import Settings


@pytest.fixture
def served(settings: Settings) -> FastAPI:
    """The application that the server loads."""
    assert settings
    application: FastAPI = import_module("app.main").app
    return application


def layers_of(served: FastAPI) -> Iterator[Any]:
    """List its middleware."""
    return (middleware.cls for middleware in served.user_middleware)


def test_answers_are_compressed_and_measured(served: FastAPI) -> None:
    assert {CompressionMiddleware, EnvelopeMiddleware} <= set(layers_of(served))


def test_it_can_be_asked_how_it_is(served: FastAPI) -> None:
    assert {"/health", "/ready"} <= {getattr(route, "path", "") for route in served.routes}


async def test_all_requests_share_the_clients(
    app: FastAPI, client: httpx2.AsyncClient, state: State
) -> None:
    @app.get("/test/clients")
    async def clients(request: Request) -> list[int]:
        return [id(request.state.http_client), id(request.state.web_client)]

    first, second = [(await client.get("/test/clients")).json() for _ in range(2)]

    assert first == second
    assert first[0] == id(state["http_client"])
