"""Asks the service what it has to do for every request."""

from collections.abc import AsyncIterator, Iterator

from fastapi import Request, Response

from app.core.http_client.client import HttpClientDep, WebClientDep
from app.core.middleware.cors import allow_origins
from app.core.middleware.envelope import EnvelopeMiddleware
from app.core.observability import health
from tests.review.guards.serving import UNCOMPRESSED, UNSHARED, UNWATCHED
from tests.review.serving import Served

TEXT = "Ships float. " * 1000
ENCODINGS = "zstd, br, gzip"


async def probe_compression(served: Served) -> AsyncIterator[str]:
    """Ask for a long text."""

    @served.app.get("/review/text")
    async def text() -> Response:
        return Response(TEXT, media_type="text/plain")

    asked = {"Accept-Encoding": ENCODINGS}
    async with served.client.stream("GET", "/review/text", headers=asked) as response:
        sent = sum([len(piece) async for piece in response.aiter_raw()])
    if sent > len(TEXT) / 2:
        yield f"a text of {len(TEXT):,} bytes is sent as {sent:,} to who takes {ENCODINGS}"


async def probe_monitoring(served: Served) -> AsyncIterator[str]:
    """Fail, and look who has noticed."""

    @served.app.get("/review/failure")
    async def failure() -> None:
        raise RuntimeError("as it should")

    response = await served.client.get("/review/failure")
    if not served.has_said("/review/failure"):
        yield "a request that fails isn't logged"
    if "x-request-id" not in response.headers:
        yield "an answer bears no request id"
    numbers = await served.client.get("/metrics")
    if "/review/failure" not in numbers.text:
        yield f"a request that fails isn't counted in `/metrics`, which says {numbers.status_code}"
    for path in sorted(health.PROBES):
        answer = await served.client.get(path)
        if not answer.is_success:
            yield f"`{path}` says {answer.status_code}"
    for name in outside(served):
        yield f"`{name}` stands outside of all: what it refuses is neither logged nor counted"


def outside(served: Served) -> Iterator[str]:
    """Name the middleware that sees a request before the envelope does."""
    for layer in served.app.user_middleware:
        if layer.cls is EnvelopeMiddleware:
            return
        if layer.cls is not allow_origins:
            yield getattr(layer.cls, "__name__", "a middleware")


async def probe_sharing(served: Served) -> AsyncIterator[str]:
    """Ask a handler what it is given: that has to be what the lifespan has opened."""

    @served.app.get("/review/state")
    async def state(request: Request, http: HttpClientDep, web: WebClientDep) -> list[str]:
        given = {name: getattr(request.state, name) for name in served.state}
        given |= {"http_client": http, "web_client": web}
        return [name for name, one in given.items() if one is not served.state.get(name)]

    response = await served.client.get("/review/state")
    if not response.is_success:
        yield "a handler doesn't get what the lifespan opens"
        return
    for name in response.json():
        yield f"each request gets a `{name}` of its own"


PROBES = {
    UNCOMPRESSED: probe_compression,
    UNWATCHED: probe_monitoring,
    UNSHARED: probe_sharing,
}
