import asyncio
import time
from dataclasses import replace

import httpx2
import pytest

from app.core.http_client.client import open_http_client
from app.core.http_client.session import HttpClientSettings
from app.core.lifespan import State
from tests.fixtures.upstream import Answer, Upstream

PATH = "/repositories/acme/ships"


async def test_a_repository_is_put_together(client: httpx2.AsyncClient, github: Upstream) -> None:
    response = (await client.get(PATH)).raise_for_status()

    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "name": "acme/ships",
        "description": "They float.",
        "stars": 7,
        "languages": ["Python", "C"],
        "latest_release": {"tag": "v1.2", "published_at": "2026-01-02T03:04:05Z"},
    }
    assert sorted(github.asked) == sorted(github.answers)


async def test_a_repository_may_have_no_release(
    client: httpx2.AsyncClient, github: Upstream
) -> None:
    del github.answers["/repos/acme/ships/releases/latest"]

    assert (await client.get(PATH)).raise_for_status().json()["latest_release"] is None


async def test_the_calls_run_side_by_side(client: httpx2.AsyncClient, github: Upstream) -> None:
    for path, answer in github.answers.items():
        github.answers[path] = replace(answer, seconds=1)

    started = time.monotonic()
    (await client.get(PATH)).raise_for_status()

    assert time.monotonic() - started < 1.8


async def test_a_repository_that_github_does_not_know_is_not_found(
    client: httpx2.AsyncClient, github: Upstream
) -> None:
    response = await client.get("/repositories/acme/boats")

    assert response.status_code == 404
    assert response.json()["type"] == "urn:problem:repository-not-found"
    assert any(path.startswith("/repos/acme/boats") for path in github.asked)


@pytest.mark.parametrize(
    "path",
    [
        *("%2e%2e/ships", "a.b/ships", f"{'a' * 40}/ships", "acme/%2e%2e", "acme/%2e"),
        *("acme/a%3Fb", "acme/%23", "acme/a%20b", "acme/a%0A", "acme/%C3%BC", f"acme/{'a' * 101}"),
    ],
)
async def test_a_name_that_leads_elsewhere_is_refused(
    client: httpx2.AsyncClient, github: Upstream, path: str
) -> None:
    response = await client.get(f"/repositories/{path}")

    assert (response.status_code, github.asked) == (422, [])


@pytest.mark.parametrize("name", [".github", "a.b", "_", "A-1"])
async def test_other_names_are_asked_for(
    client: httpx2.AsyncClient, github: Upstream, name: str
) -> None:
    assert (await client.get(f"/repositories/acme/{name}")).status_code == 404
    # The first answer ends the other calls, whichever it is.
    assert any(path.startswith(f"/repos/acme/{name}") for path in github.asked)


@pytest.mark.parametrize(
    ("answer", "status", "kind"),
    [
        (Answer(status=500), 502, "error-answer"),
        (Answer(b"<html>"), 502, "bad-gateway"),
        (Answer(b"[]"), 502, "bad-gateway"),
        (Answer(b'{"full_name": null}'), 502, "bad-gateway"),
        (Answer(status=403), 503, "rate-limit-reached"),
        (Answer(status=429), 503, "rate-limit-reached"),
    ],
)
async def test_one_call_that_fails_ends_the_others(
    client: httpx2.AsyncClient, github: Upstream, answer: Answer, status: int, kind: str
) -> None:
    slow = replace(github.answers["/repos/acme/ships/languages"], seconds=5)
    github.answers |= {"/repos/acme/ships": answer, "/repos/acme/ships/languages": slow}

    async with asyncio.timeout(2):
        response = await client.get(PATH)

    assert (response.status_code, response.json()["type"]) == (status, f"urn:problem:{kind}")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, [7]),
        ({"X-RateLimit-Reset": f"{time.time() + 1000:.0f}"}, range(100, 1001)),
        ({"X-RateLimit-Reset": "0"}, [1]),
        ({"Retry-After": "soon"}, [60]),
        ({}, [60]),
    ],
)
async def test_a_client_is_told_how_long_github_wants_to_be_left_alone(
    client: httpx2.AsyncClient, github: Upstream, headers: dict[str, str], seconds: list[int]
) -> None:
    github.answers["/repos/acme/ships"] = Answer(status=429, headers=headers)

    assert int((await client.get(PATH)).headers["retry-after"]) in seconds


async def test_a_github_that_is_slow_is_a_timeout(
    client: httpx2.AsyncClient, github: Upstream, state: State
) -> None:
    github.answers["/repos/acme/ships"] = Answer(seconds=5)

    impatient = HttpClientSettings(http_total_timeout_seconds=0.05)
    async with open_http_client(impatient) as state["http_client"], asyncio.timeout(2):
        response = await client.get(PATH)

    assert (response.status_code, response.json()["type"]) == (504, "urn:problem:gateway-timeout")
