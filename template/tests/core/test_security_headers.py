import httpx2
import pytest
from fastapi import FastAPI, Response

from app.core.middleware.security_headers import SECURITY_HEADERS

HSTS = "strict-transport-security"


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    @app.get("/test/framed")
    async def framed() -> Response:
        return Response(headers={"X-Frame-Options": "SAMEORIGIN"})

    return app


async def test_browsers_are_told(client: httpx2.AsyncClient) -> None:
    headers = (await client.get("/health")).headers

    for name, value in SECURITY_HEADERS.items():
        assert headers.get_list(name.decode()) == [value.decode()]


async def test_a_route_may_say_otherwise(client: httpx2.AsyncClient) -> None:
    headers = (await client.get("/test/framed")).headers

    assert headers.get_list("x-frame-options") == ["SAMEORIGIN"]
    assert headers["x-content-type-options"] == "nosniff"


async def test_https_is_kept_to_once_it_was_used(client: httpx2.AsyncClient) -> None:
    assert HSTS not in (await client.get("/health")).headers

    assert (await client.get("https://test/health")).headers[HSTS] == "max-age=31536000"
