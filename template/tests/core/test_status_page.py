import re

import httpx2
import pytest
from fastapi import FastAPI

from app.core.lifespan import State
from app.core.observability import status_page
from app.core.resource import open_resources


@pytest.fixture(autouse=True)
def all_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show all routes, not the slowest alone: other tests count in the same process."""
    monkeypatch.setattr(status_page, "SLOWEST", 10_000)


async def test_it_shows_what_is_open_and_what_is_slow(
    client: httpx2.AsyncClient, state: State
) -> None:
    for _ in range(3):
        await client.get("/health")
    page = (await client.get("/status")).raise_for_status()

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for resource in open_resources(state):
        assert bool(resource.stats()) == (f"<h2>{resource.name}</h2>" in page.text)
    line = re.search(r"<tr><td>GET /health<td>([\d,]+)<td>0<td>[\d.]+<td>≤ [\d.]+<td>", page.text)
    assert line
    assert int(line[1].replace(",", "")) >= 3


async def test_it_loads_nothing_from_elsewhere(client: httpx2.AsyncClient) -> None:
    text = (await client.get("/status")).text

    assert not re.search(r"https?:|src=|href=|<script", text)


async def test_a_name_is_no_markup(app: FastAPI, client: httpx2.AsyncClient) -> None:
    @app.get("/test/<b>")
    async def route() -> None:
        return

    (await client.get("/test/<b>")).raise_for_status()
    text = (await client.get("/status")).text

    assert "/test/&lt;b&gt;" in text
    assert "/test/<b>" not in text
