import httpx2
import pytest


@pytest.fixture
async def author_id(client: httpx2.AsyncClient) -> int:
    """An author to write posts for."""
    response = await client.post("/authors", json={"name": "Ann", "email": "ann@example.org"})
    return response.raise_for_status().json()["id"]
