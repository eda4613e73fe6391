"""The middleware together: whatever becomes of a request, its answer bears the same."""

import asyncio
from http import HTTPStatus

import httpx2
import pytest
from fastapi import FastAPI, Request

from app.settings import Settings

ORIGIN = "https://example.org"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "max_body_bytes": 1000,
            "max_requests_in_flight": 1,
            "request_timeout_seconds": 1,
            "trusted_hosts": ["test"],
            "cors_origins": [ORIGIN],
        }
    )


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    @app.post("/test/body")
    async def body(request: Request) -> int:
        return len(await request.body())

    @app.get("/test/slow")
    async def slow() -> None:
        await asyncio.sleep(5)

    @app.get("/test/crash")
    async def crash() -> None:
        raise RuntimeError("the password is hunter2")

    return app


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", HTTPStatus.OK),
        ("POST", "/test/body", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        ("GET", "/test/slow", HTTPStatus.GATEWAY_TIMEOUT),
        ("GET", "/test/nowhere", HTTPStatus.NOT_FOUND),
        ("DELETE", "/health", HTTPStatus.METHOD_NOT_ALLOWED),
        ("GET", "/test/crash", HTTPStatus.INTERNAL_SERVER_ERROR),
    ],
)
async def test_every_answer_is_in_the_envelope(
    client: httpx2.AsyncClient, method: str, path: str, status: HTTPStatus
) -> None:
    check(await ask(client, method, path), status)


async def test_what_is_refused_is_in_it_too(client: httpx2.AsyncClient) -> None:
    slow = asyncio.create_task(ask(client, "GET", "/test/slow"))
    await asyncio.sleep(0.05)

    shed = await ask(client, "GET", "/test/crash")
    misnamed = await ask(client, "GET", "/test/crash", host="elsewhere")

    check(shed, HTTPStatus.SERVICE_UNAVAILABLE)
    check(misnamed, HTTPStatus.BAD_REQUEST)
    check(await slow, HTTPStatus.GATEWAY_TIMEOUT)


async def ask(
    client: httpx2.AsyncClient, method: str, path: str, host: str = "test"
) -> httpx2.Response:
    headers = {"X-Request-ID": "abc-1", "Origin": ORIGIN, "Host": host}
    content = b"x" * 1001 if method == "POST" else None
    return await client.request(method, path, headers=headers, content=content)


def check(response: httpx2.Response, status: HTTPStatus) -> None:
    headers = response.headers
    assert response.status_code == status
    assert headers["x-request-id"] == "abc-1"
    assert float(headers["x-process-time"]) >= 0
    assert headers["server-timing"].startswith("total;dur=")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["access-control-allow-origin"] == ORIGIN
    if status != HTTPStatus.OK:
        assert headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert (problem["status"], problem["request_id"]) == (status, "abc-1")
        assert "hunter2" not in response.text
