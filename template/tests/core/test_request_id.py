import re

import httpx2
import pytest


async def test_a_sane_id_is_kept(client: httpx2.AsyncClient) -> None:
    response = await client.get("/health", headers={"X-Request-ID": "trace-42.a_b"})

    assert response.headers.get_list("x-request-id") == ["trace-42.a_b"]


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, 'x"y', "ü"])
async def test_anything_else_is_replaced(client: httpx2.AsyncClient, given: str) -> None:
    response = await client.get("/health", headers=[(b"X-Request-ID", given.encode())])

    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])


async def test_each_request_has_its_own(client: httpx2.AsyncClient) -> None:
    ids = {(await client.get("/health")).headers["x-request-id"] for _ in range(3)}

    assert len(ids) == 3
