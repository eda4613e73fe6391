"""Clients that are opened again and again, in many forms."""

from typing import Annotated

import aiohttp
import httpx
import redis.asyncio as redis
from fastapi import APIRouter, Depends
from httpx import AsyncClient
from redis.asyncio import from_url
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from app.core.lifespan import State
from app.core.tasks.task import task

router = APIRouter()


@router.get("/in-handler")
async def in_handler() -> str:
    async with httpx.AsyncClient() as client:  # finds: client-per-call
        return (await client.get("https://example.org")).text


@router.get("/without-with")
async def without_with() -> int:
    client = AsyncClient()  # finds: client-per-call
    return (await client.get("https://example.org")).status_code


async def get_redis() -> redis.Redis:
    return redis.Redis(host="localhost")  # finds: client-per-call


@router.get("/dependency")
async def dependency(store: Annotated[redis.Redis, Depends(get_redis)]) -> bytes | None:
    return await store.get("key")


async def get_engine_session():
    engine = create_async_engine("postgresql+asyncpg://localhost/orders")  # finds: client-per-call
    async with AsyncSession(engine) as session:
        yield session


@router.get("/engine")
async def with_engine(session: Annotated[AsyncSession, Depends(get_engine_session)]) -> None:
    await session.close()


class Weather:
    def __init__(self) -> None:
        self.session = aiohttp.ClientSession()  # finds: client-per-call

    async def today(self) -> str:
        async with self.session.get("https://example.org") as answer:
            return await answer.text()


@router.get("/in-a-class")
async def in_a_class() -> str:
    return await Weather().today()


async def store_of() -> object:
    return from_url("redis://localhost")  # finds: client-per-call


@router.get("/two-deep")
async def two_deep() -> None:
    await store_of()


@task()
async def notify(state: State) -> None:
    async with aiohttp.ClientSession() as session:  # finds: client-per-call
        await session.post("https://example.org")
