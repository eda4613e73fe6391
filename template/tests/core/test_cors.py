import httpx2
import pytest

from app.settings import Settings

ORIGIN = "https://example.org"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"cors_origins": [ORIGIN]})


async def test_a_page_of_a_known_origin_may_ask(client: httpx2.AsyncClient) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}

    preflight = await client.options("/health", headers=asked)
    response = await client.get("/health", headers={"Origin": ORIGIN})

    assert preflight.is_success
    assert "PUT" in preflight.headers["access-control-allow-methods"]
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert "X-Request-ID" in response.headers["access-control-expose-headers"]


async def test_a_page_of_another_one_may_not(client: httpx2.AsyncClient) -> None:
    asked = {"Origin": "https://example.com", "Access-Control-Request-Method": "PUT"}

    preflight = await client.options("/health", headers=asked)

    assert preflight.is_client_error
    assert "access-control-allow-origin" not in preflight.headers
