"""A rendered service, with a route that returns bytes and one that returns them from the cache."""

import sys

import uvloop
from app.core.application import create_app
from app.core.cache.responses import CachedRoute, cached, everyone
from app.settings import Settings
from asking import BODY, ask, tell
from fastapi import APIRouter, Response

router = APIRouter(route_class=CachedRoute)


@router.get("/constant")
async def constant() -> Response:
    """Return bytes."""
    return Response(BODY, media_type="application/json")


@router.get("/kept/{number:int}")
@cached("kept:{number}", caller=everyone, ttl_seconds=3600)
async def kept(number: int) -> Response:  # noqa: ARG001 - part of the path
    """Return the same bytes."""
    return Response(BODY, media_type="application/json")


async def main() -> None:
    app = create_app(Settings(), [router])
    paths = {"constant": "/constant", sys.argv[1]: "/kept/1"}
    async with app.router.lifespan_context(app) as state:
        # A copy is kept as soon as the process hears of changes.
        while state["cache"].stats().get("is_listening") is False:
            await ask(app, "/kept/1", state)
        await tell(app, paths, state)


uvloop.run(main())
