"""The same with fastapi-cache2, on Redis: no middleware, no dependencies."""

import os
import sys

import uvloop
from asking import BODY, tell
from fastapi import FastAPI, Response
from fastapi_cache import FastAPICache
from fastapi_cache.backends.redis import RedisBackend
from fastapi_cache.decorator import cache
from pydantic import BaseModel
from redis.asyncio import Redis

app = FastAPI()


class Author(BaseModel):
    id: int
    name: str


class Post(BaseModel):
    id: int
    author: Author
    title: str
    body: str


POST = Post.model_validate_json(BODY)


@app.get("/constant")
async def constant() -> Response:
    return Response(BODY, media_type="application/json")


@app.get("/kept/{number}")
@cache(expire=3600)
async def kept(number: int) -> Post:  # noqa: ARG001 - part of the path
    return POST


async def main() -> None:
    FastAPICache.init(RedisBackend(Redis.from_url(os.environ["REDIS_URL"])), prefix="bench")
    await tell(app, {"constant": "/constant", sys.argv[1]: "/kept/1"}, {})


uvloop.run(main())
