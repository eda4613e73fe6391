import time
from typing import Any

import httpx2
import pytest

from app.features.posts.previews import title_of, urls_in
from tests.fixtures.upstream import Answer, Upstream

PAGE = Answer(b"<html><head><TITLE lang=en>Ships &amp;\n Boats</title></head></html>")


@pytest.fixture
def http_private_addresses() -> bool:
    """The upstream of a test is at home."""
    return True


async def previews(client: httpx2.AsyncClient, author_id: int, body: str) -> list[dict[str, Any]]:
    post = {"author_id": author_id, "title": "On ships", "body": body}
    added = (await client.post("/posts", json=post)).raise_for_status()
    response = await client.get(f"{added.headers['location']}/previews")
    return response.raise_for_status().json()


async def test_what_fails_is_told_beside_what_does_not(
    client: httpx2.AsyncClient, author_id: int, upstream: Upstream
) -> None:
    upstream.answers = {
        "/ships": PAGE,
        "/plain": Answer(b"%PDF"),
        "/broken": Answer(hangs_up=True),
        "/busy": Answer(status=503, headers={"Retry-After": "60"}),
    }
    url = upstream.url
    paths = ("ships", "plain", "broken", "busy", "missing", "ships")
    body = f"Look: {', '.join(f'{url}/{path}' for path in paths)}. And ftp://not.this"

    found = await previews(client, author_id, body)

    assert [(p["url"].removeprefix(url), p["status"], p["title"]) for p in found] == [
        ("/ships", 200, "Ships & Boats"),
        ("/plain", 200, None),
        ("/broken", None, None),
        ("/busy", 503, None),
        ("/missing", 404, None),
    ]
    assert [preview["problem"] is None for preview in found] == [True, True, False, False, False]


async def test_the_links_are_followed_side_by_side(
    client: httpx2.AsyncClient, author_id: int, upstream: Upstream
) -> None:
    upstream.answers = {f"/{number}": Answer(seconds=0.3) for number in range(10)}

    found = await previews(
        client, author_id, " ".join(f"{upstream.url}/{number}" for number in range(30))
    )

    assert len(found) == len(upstream.asked) == 10
    assert upstream.most_at_once == 5


async def test_there_may_be_nothing_to_preview(client: httpx2.AsyncClient, author_id: int) -> None:
    assert await previews(client, author_id, "They float.") == []
    assert (await client.get("/posts/999/previews")).status_code == 404


class TestInProduction:
    @pytest.fixture
    def http_private_addresses(self) -> bool:
        return False

    async def test_a_link_does_not_lead_into_the_network_of_the_service(
        self, client: httpx2.AsyncClient, author_id: int, upstream: Upstream
    ) -> None:
        upstream.answers["/secret"] = PAGE

        (found,) = await previews(client, author_id, f"{upstream.url}/secret")

        assert (found["status"], found["title"]) == (None, None)
        assert "doesn't go" in found["problem"]
        assert upstream.asked == []


def test_links_are_found_in_any_text() -> None:
    assert urls_in("(HTTP://a.example/x?y=1), <https://b.example>; http:// https://c.example!") == [
        "HTTP://a.example/x?y=1",
        "https://b.example",
        "https://c.example",
    ]


@pytest.mark.parametrize(
    ("page", "title"),
    [
        (b"<title>\xc3\x9cber &lt;b&gt;</title>", "Über <b>"),
        (b"<title>" + b"a" * 500 + b"</title>", "a" * 200),
        *((page, None) for page in (b"", b"<title", b"<title>", b"<title></title>", b"</title>")),
        (b"<title>\xff</title>", "\ufffd"),
    ],
)
def test_a_title_is_found(page: bytes, title: str | None) -> None:
    assert title_of(page) == title


def test_a_page_that_is_all_tags_takes_no_time() -> None:
    started = time.monotonic()
    assert title_of(b"<title" * 1_000_000) is None
    assert time.monotonic() - started < 5
