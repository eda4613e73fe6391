import httpx2
import pytest

from app.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"trusted_hosts": ["orders.example", "*.example.org"]})


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("orders.example", 404),
        ("Orders.Example:8000", 404),
        ("a.b.example.org", 404),
        ("example.org", 400),
        ("orders.example.evil.com", 400),
        ("evil-orders.example", 400),
        ("[::1]:8000", 400),
        ("", 400),
    ],
)
async def test_it_goes_by_its_names_alone(
    client: httpx2.AsyncClient, host: str, status: int
) -> None:
    response = await client.get("/test/nowhere", headers={"Host": host})

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


async def test_probes_go_by_address(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/health", headers={"Host": "10.0.0.7:8000"})).is_success
