import asyncio
import gzip
import json
import time
import zlib
from collections.abc import AsyncGenerator, Callable
from http import HTTPStatus
from pathlib import Path
from statistics import median

import brotli
import httpx2
import pytest
import zstandard
from fastapi import FastAPI, Response
from fastapi.responses import FileResponse, StreamingResponse

from app.core.compression.encodings import LARGE_BYTES
from app.core.compression.negotiation import choose

TEXT = json.dumps([{"number": number, "text": "Ships float. ü"} for number in range(200)]).encode()
# Too long to be encoded where others wait.
LONG = TEXT * 60
PIECE = b"id,title\r\n" + b"1,Ships\r\n" * 50


# What decodes a body piece by piece.
DECODERS: dict[str, Callable[[], Callable[[bytes], bytes]]] = {
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj().decompress,
    "br": lambda: brotli.Decompressor().process,
    "gzip": lambda: zlib.decompressobj(wbits=31).decompress,
}


async def text() -> Response:
    headers = {"ETag": '"abc"', "Vary": "Origin"}
    return Response(TEXT, media_type="application/json", headers=headers)


async def long() -> Response:
    return Response(LONG, media_type="application/json")


async def some(count: int) -> Response:
    return Response(b"x" * count, media_type="text/plain")


async def image() -> Response:
    return Response(TEXT, media_type="image/png")


async def encoded() -> Response:
    headers = {"Content-Encoding": "gzip"}
    return Response(gzip.compress(TEXT), media_type="text/plain", headers=headers)


async def unchanged() -> Response:
    return Response(TEXT, media_type="text/plain", headers={"Cache-Control": "no-transform"})


async def not_modified() -> Response:
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": '"abc"'})


async def nothing() -> Response:
    return Response(status_code=HTTPStatus.NO_CONTENT)


@pytest.fixture
def gate() -> asyncio.Event:
    """Keeps what is held back after its first piece."""
    return asyncio.Event()


@pytest.fixture
def app(app: FastAPI, tmp_path: Path, gate: asyncio.Event) -> FastAPI:
    async def stream(kind: str, pause: float = 0, *, held: bool = False) -> StreamingResponse:
        async def pieces() -> AsyncGenerator[bytes]:
            for _ in range(4):
                yield PIECE
                await (gate.wait() if held else asyncio.sleep(pause))

        return StreamingResponse(pieces(), media_type=f"text/{kind}")

    async def file() -> FileResponse:
        return FileResponse(path)

    path = tmp_path / "text.txt"
    path.write_bytes(TEXT)
    app.head("/test/text")(text)
    for where, endpoint in {
        "text": text,
        "long": long,
        "bytes/{count}": some,
        "image": image,
        "encoded": encoded,
        "unchanged": unchanged,
        "not-modified": not_modified,
        "nothing": nothing,
        "stream/{kind}": stream,
        "file": file,
    }.items():
        app.get(f"/test/{where}")(endpoint)
    return app


async def raw(
    client: httpx2.AsyncClient, path: str, accepted: str, **headers: str
) -> tuple[httpx2.Response, bytes]:
    """Ask, and give the body as it came."""
    headers = {"Accept-Encoding": accepted, **headers}
    async with client.stream("GET", path, headers=headers) as response:
        return response, b"".join([piece async for piece in response.aiter_raw()])


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/test/text", TEXT),
        ("/test/long", LONG),
        ("/test/stream/csv", PIECE * 4),
        ("/test/file", TEXT),
    ],
)
async def test_all_encodings_are_of_the_same_bytes(
    over_socket: httpx2.AsyncClient, name: str, path: str, body: bytes
) -> None:
    response, encoded = await raw(over_socket, path, name)

    assert response.headers["content-encoding"] == name
    assert "Accept-Encoding" in response.headers["vary"]
    assert DECODERS[name]()(encoded) == body
    assert len(encoded) < len(body)
    if "stream" not in path and "file" not in path:
        assert int(response.headers["content-length"]) == len(encoded)


def test_long_is_long() -> None:
    assert len(LONG) > LARGE_BYTES > len(TEXT) > 1000


@pytest.mark.parametrize("name", DECODERS)
async def test_what_has_no_body_stays_so(over_socket: httpx2.AsyncClient, name: str) -> None:
    for path in ("/test/bytes/0", "/test/nothing", "/test/not-modified"):
        response, encoded = await raw(over_socket, path, name)
        assert "content-encoding" not in response.headers
        assert encoded == b""


@pytest.mark.parametrize(
    ("accepted", "name"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, br", "br"),
        ("GZIP", "gzip"),
        ("gzip;q=1, zstd;q=0.5", "gzip"),
        ("zstd;q=0, br;q=0.1", "br"),
        ("*", "zstd"),
        ("*;q=0.5, gzip", "gzip"),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("gzip;q=0", None),
        ("*;q=0", None),
        ("deflate", None),
        ("gzip;q=much", None),
        ("gzip;level=9", None),
        ("", None),
        (",;,=", None),
    ],
)
def test_the_client_chooses(accepted: str, name: str | None) -> None:
    chosen = choose(accepted.encode())

    assert (chosen and chosen.name.decode()) == name


async def test_another_representation_has_a_weaker_tag(client: httpx2.AsyncClient) -> None:
    encoded, _ = await raw(client, "/test/text", "gzip")
    plain, _ = await raw(client, "/test/text", "identity")

    assert (encoded.headers["etag"], plain.headers["etag"]) == ('W/"abc"', '"abc"')
    assert encoded.headers["vary"] == plain.headers["vary"] == "Origin, Accept-Encoding"


async def test_who_has_it_encoded_is_told_so_of_that(client: httpx2.AsyncClient) -> None:
    for tag in ('"abc"', 'W/"abc"'):
        headers = {"If-None-Match": tag}
        response, _ = await raw(client, "/test/not-modified", "gzip", **headers)
        assert (response.headers["etag"], response.headers["vary"]) == (tag, "Accept-Encoding")


async def test_head_tells_what_get_would(client: httpx2.AsyncClient) -> None:
    head = await client.head("/test/text", headers={"Accept-Encoding": "gzip"})

    assert head.headers["content-encoding"] == "gzip"
    assert head.headers["etag"] == 'W/"abc"'
    assert "content-length" not in head.headers
    plain = await client.head("/test/text", headers={"Accept-Encoding": "identity"})
    assert int(plain.headers["content-length"]) == len(TEXT)


async def test_a_part_is_of_the_file_as_it_is(client: httpx2.AsyncClient) -> None:
    response, body = await raw(client, "/test/file", "gzip", Range="bytes=10-19")

    assert (response.status_code, body) == (HTTPStatus.PARTIAL_CONTENT, TEXT[10:20])
    assert "content-encoding" not in response.headers
    whole, _ = await raw(client, "/test/file", "gzip")
    assert "accept-ranges" not in whole.headers


@pytest.mark.parametrize(
    "path", ["/test/bytes/999", "/test/image", "/test/encoded", "/test/unchanged"]
)
async def test_what_would_gain_nothing_is_left_alone(client: httpx2.AsyncClient, path: str) -> None:
    response, body = await raw(client, path, "br")

    assert "br" not in response.headers.get("content-encoding", "")
    assert int(response.headers["content-length"]) == len(body)


@pytest.mark.parametrize("name", DECODERS)
async def test_a_stream_is_not_held_back(
    over_socket: httpx2.AsyncClient, gate: asyncio.Event, name: str
) -> None:
    path, headers = "/test/stream/csv?held=yes", {"Accept-Encoding": name}
    seconds: list[float] = []
    for _ in range(5):
        gate.clear()
        decode = DECODERS[name]()
        started = time.perf_counter()
        async with over_socket.stream("GET", path, headers=headers) as response:
            pieces = response.aiter_raw()
            assert decode(await anext(pieces)) == PIECE
            seconds.append(time.perf_counter() - started)
            gate.set()
            assert b"".join([decode(piece) async for piece in pieces]) == PIECE * 3

    # Some may have been in the way of others of this machine.
    assert median(seconds) < 0.05


async def test_events_come_one_by_one(over_socket: httpx2.AsyncClient) -> None:
    headers = {"Accept-Encoding": "zstd, br, gzip"}
    path = "/test/stream/event-stream?pause=0.05"
    async with over_socket.stream("GET", path, headers=headers) as response:
        assert "content-encoding" not in response.headers
        assert [piece async for piece in response.aiter_raw()] == [PIECE] * 4
