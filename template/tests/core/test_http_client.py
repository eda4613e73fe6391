import asyncio
import socket
from collections.abc import AsyncGenerator

import httpx2
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from app.core.errors import AppError, BadGateway, Unavailable
from app.core.http_client.answer import BusyAnswer, ErrorAnswer, UrlRefused
from app.core.http_client.client import HttpClient, HttpClientDep, open_http_client
from app.core.http_client.session import HttpClientSettings
from app.core.lifespan import State
from app.core.observability.logging import request_id
from tests.fixtures.upstream import Answer, Upstream


@pytest.fixture
async def http_client() -> AsyncGenerator[HttpClient]:
    async with open_http_client(HttpClientSettings(http_retries=0)) as http_client:
        yield http_client


async def test_json_comes_back(http_client: HttpClient, upstream: Upstream) -> None:
    upstream.answers["/ships"] = Answer(b'{"name": "\xc3\x9cmit"}')

    answer = await http_client.get(f"{upstream.url}/ships", params={"page": "2"})

    assert (answer.status, answer.json()) == (200, {"name": "Ümit"})
    assert upstream.asked == ["/ships?page=2"]


class Ship(BaseModel):
    name: str


@pytest.mark.parametrize(
    ("verb", "given", "body"),
    [
        ("post", [Ship(name="Ann")], b'{"name":"Ann"}'),
        ("post", [], b""),
        ("put", [{"name": "Ümit"}], b'{"name":"\xc3\x9cmit"}'),
        ("patch", [[1]], b"[1]"),
        ("delete", [], b""),
    ],
)
async def test_json_is_sent(
    http_client: HttpClient, upstream: Upstream, verb: str, given: list[object], body: bytes
) -> None:
    upstream.answers["/ships"] = Answer()

    await getattr(http_client, verb)(f"{upstream.url}/ships", *given)

    (request,) = upstream.requests
    assert (request.method, request.body) == (verb.upper(), body)
    assert not body or request.headers["content-type"] == "application/json"


async def test_the_other_side_learns_the_id_of_the_request(
    http_client: HttpClient, upstream: Upstream
) -> None:
    upstream.answers["/ships"] = Answer()

    await http_client.get(f"{upstream.url}/ships")
    token = request_id.set("some-request")
    try:
        await http_client.get(f"{upstream.url}/ships")
    finally:
        request_id.reset(token)

    assert [request.headers.get("x-request-id") for request in upstream.requests] == [
        None,
        "some-request",
    ]


async def test_a_connection_is_used_again(http_client: HttpClient, upstream: Upstream) -> None:
    upstream.answers["/ships"] = Answer()

    for _ in range(3):
        await http_client.get(f"{upstream.url}/ships")

    assert len(upstream.connections) == 1


async def test_nothing_that_an_answer_sets_is_sent_with_the_next_call(
    http_client: HttpClient, upstream: Upstream
) -> None:
    upstream.answers["/ships"] = Answer(headers={"Set-Cookie": "user=Ann"})
    # By name: cookies of an address are kept by nobody.
    url = upstream.url.replace("127.0.0.1", "localhost")

    for _ in range(2):
        await http_client.get(f"{url}/ships")

    assert upstream.cookies == []


@pytest.mark.parametrize(
    ("answered", "status", "kind"),
    [
        (404, 502, ErrorAnswer),
        (500, 502, ErrorAnswer),
        (429, 503, BusyAnswer),
        (503, 503, BusyAnswer),
    ],
)
async def test_an_error_answer_is_named(
    http_client: HttpClient,
    upstream: Upstream,
    answered: int,
    status: int,
    kind: type[ErrorAnswer],
) -> None:
    upstream.answers["/ships"] = Answer(status=answered, headers={"Retry-After": "7"})

    with pytest.raises(kind) as caught:
        await http_client.get(f"{upstream.url}/ships")

    assert (caught.value.status, caught.value.answered) == (status, answered)
    assert caught.value.headers["retry-after"] == "7"


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 10_000, b'{"a": 1'])
async def test_what_is_no_json_makes_no_sense(
    http_client: HttpClient, upstream: Upstream, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.answers["/ships"] = Answer(body)
    answer = await http_client.get(f"{upstream.url}/ships?user=Ann")

    with pytest.raises(BadGateway):
        answer.json()

    assert f"{upstream.url}/ships answered" in caplog.text
    assert "Ann" not in caplog.text


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", Unavailable),
        (b"220 ready\r\n\r\n", BadGateway),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", BadGateway),
    ],
    ids=["nothing", "not HTTP", "half"],
)
async def test_who_hangs_up_or_talks_nonsense_is_told_apart(
    http_client: HttpClient, caplog: pytest.LogCaptureFixture, said: bytes, error: type[AppError]
) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        with pytest.raises(error):
            await http_client.get(f"http://Bob:pw@{host}:{port}/", params={"user": "Ann"})

    assert f"GET http://{host}:{port}/ failed" in caplog.text
    assert "Ann" not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "/ships",
            "file:///etc/passwd",
            "ftp://a",
            "http://",
            "http://a:99999",
            "http://[::1",
        ),
        *("ws://127.0.0.1", f"http://{'a' * 64}.example", "http://a..example", "http://\ud800"),
    ],
)
async def test_what_is_no_url_is_refused(http_client: HttpClient, url: str) -> None:
    with pytest.raises(UrlRefused):
        await http_client.get(url)


async def test_no_more_is_taken_than_the_settings_say(upstream: Upstream) -> None:
    upstream.answers["/ships"] = Answer(b"x" * 100)
    upstream.answers["/fleet"] = Answer(b"x" * 101)
    async with open_http_client(HttpClientSettings(http_max_response_bytes=100)) as http_client:
        assert len((await http_client.get(f"{upstream.url}/ships")).body) == 100
        with pytest.raises(BadGateway, match="more than it can take"):
            await http_client.get(f"{upstream.url}/fleet")


async def test_who_is_away_is_unavailable(http_client: HttpClient) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable):
            await http_client.get(f"http://127.0.0.1:{nobody.getsockname()[1]}")


async def test_a_route_gets_the_client_and_tells_its_errors_and_its_time(
    app: FastAPI, client: httpx2.AsyncClient, state: State, upstream: Upstream
) -> None:
    @app.get("/test/ships")
    async def ships(http_client: HttpClientDep) -> None:
        assert http_client is state["http_client"]
        await http_client.get(f"{upstream.url}/ships")

    response = await client.get("/test/ships")

    assert (response.status_code, response.json()["type"]) == (502, "urn:problem:error-answer")
    assert "outbound;dur=" in response.headers["server-timing"]
    (request,) = upstream.requests
    assert request.headers["x-request-id"] == response.headers["x-request-id"]


async def test_it_is_counted_what_became_of_the_calls(
    http_client: HttpClient, upstream: Upstream
) -> None:
    upstream.answers["/ships"] = Answer()
    upstream.answers["/boats"] = Answer(status=503)

    await http_client.get_all(f"{upstream.url}/{name}" for name in ("ships", "boats", "rafts"))

    counts = http_client.counts()[upstream.url]
    assert (counts.calls, counts.failures, counts.retries) == (3, 1, 0)
    assert counts.seconds > 0
    stats = {**http_client.stats(), "seconds": 0}
    assert stats == {
        "in_flight": 0,
        "calls": 3,
        "failures": 1,
        "retries": 0,
        "seconds": 0,
        "hosts": 1,
        "open_breakers": 0,
    }
