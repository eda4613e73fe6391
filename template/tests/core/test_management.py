import httpx2
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from app.settings import Settings
from tests.fixtures.server import serving, variables_of
from tests.ports import free_port

OPEN = ("/health", "/ready")
CLOSED = ("/metrics", "/status", "/health/tasks")


@pytest.fixture
def token() -> str:
    return ""


@pytest.fixture
def settings(settings: Settings, token: str) -> Settings:
    return settings.model_copy(
        update={"environment": "production", "management_token": SecretStr(token)}
    )


async def test_the_public_sees_probes_alone(client: httpx2.AsyncClient) -> None:
    for path in OPEN:
        assert (await client.get(path)).status_code == 200
    for path in CLOSED:
        response = await client.get(path, headers={"Authorization": "Bearer "})
        assert response.status_code == 404
        assert response.json()["type"] == "urn:problem:not-here"


@pytest.mark.parametrize("token", ["a-token"])
async def test_the_token_opens_it(client: httpx2.AsyncClient) -> None:
    for path in CLOSED:
        for wrong in ("Bearer another", "Bearer ", "a-token", "Bearer ünknown"):
            headers = {b"Authorization": wrong.encode()}
            response = await client.get(path, headers=headers)
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == "Bearer"
        response = await client.get(path, headers={"Authorization": "Bearer a-token"})
        assert response.status_code == 200


async def test_development_is_open(app: FastAPI, settings: Settings) -> None:
    assert "/metrics" not in app.openapi()["paths"]
    assert settings.environment == "production"


def test_a_port_of_its_own(settings: Settings) -> None:
    port = free_port()
    variables = {
        **variables_of(settings),
        "ENVIRONMENT": "production",
        "MANAGEMENT_PORT": str(port),
    }
    with serving(**variables) as server:
        assert httpx2.get(f"{server.url}/metrics").status_code == 404
        assert httpx2.get(f"http://127.0.0.1:{port}/metrics").status_code == 200
        assert httpx2.get(f"http://127.0.0.1:{port}/health").status_code == 200
