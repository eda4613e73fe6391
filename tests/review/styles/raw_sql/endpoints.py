"""SQL as text, with a driver of its own."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from app.core.tasks.broker import BrokerDep
from app.core.lifespan import State
from app.core.tasks.task import task

LIST = """
    SELECT p.id, p.name, c.name AS category
    FROM rs_products p JOIN rs_categories c ON c.id = p.category_id
    WHERE p.id > $1
    ORDER BY p.id
    LIMIT $2
"""
STOCK_FOR_UPDATE = "SELECT id, stock FROM rs_products WHERE id = $1 FOR UPDATE"
BATCH = 500

router = APIRouter(prefix="/rs")


class Product(BaseModel):
    id: int
    name: str
    category: str


@task()
async def reindex(state: State, product_id: int) -> None:
    """Index a product."""


@asynccontextmanager
async def open_pool(url: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(url, max_size=5) as pool:
        yield pool


async def get_pool(request: Request) -> asyncpg.Pool:
    return request.state.pool


async def get_connection(
    pool: Annotated[asyncpg.Pool, Depends(get_pool)],
) -> AsyncIterator[asyncpg.Connection]:
    async with pool.acquire() as connection:
        yield connection


Connection = Annotated[asyncpg.Connection, Depends(get_connection)]


@router.get("/products")
async def list_products(connection: Connection, after: int = 0, limit: int = 50) -> list[Product]:
    rows = await connection.fetch(LIST, after, limit)
    return [Product(**row) for row in rows]


@router.get("/products/cheapest")
async def cheapest(connection: Connection) -> list[dict[str, Any]]:
    started = time.perf_counter()
    rows = await connection.fetch("SELECT id FROM rs_products ORDER BY price LIMIT 10")
    return [{**row, "took": time.perf_counter() - started} for row in rows]


@router.get("/products/{product_id}")
async def get_product(connection: Connection, product_id: int) -> Product:
    row = await connection.fetchrow("SELECT * FROM rs_products WHERE id = $1", product_id)
    if row is None:
        raise HTTPException(404)
    return Product(**row)


@router.post("/products/{product_id}/take")
async def take(connection: Connection, product_id: int, quantity: int) -> int:
    left = await connection.fetchval(
        "UPDATE rs_products SET stock = stock - $2 WHERE id = $1 AND stock >= $2 RETURNING stock",
        product_id,
        quantity,
    )
    if left is None:
        raise HTTPException(409)
    return left


@router.post("/products/{product_id}/double")
async def double(connection: Connection, product_id: int, broker: BrokerDep) -> None:
    async with connection.transaction():
        row = await connection.fetchrow(STOCK_FOR_UPDATE, product_id)
        stock = row["stock"] * 2
        await connection.execute(
            "UPDATE rs_products SET stock = $2 WHERE id = $1", product_id, stock
        )
    await broker.enqueue(reindex(product_id))


@router.put("/products/{product_id}/price")
async def set_price(connection: Connection, product_id: int, price: int, version: int) -> None:
    done = await connection.execute(
        "UPDATE rs_products SET price = $2, version = version + 1 WHERE id = $1 AND version = $3",
        product_id,
        price,
        version,
    )
    if done == "UPDATE 0":
        raise HTTPException(412)


@router.post("/products/import")
async def import_products(connection: Connection, products: list[Product]) -> int:
    rows = [(product.id, product.name) for product in products]
    for start in range(0, len(rows), BATCH):
        await connection.executemany(
            "INSERT INTO rs_products (id, name) VALUES ($1, $2)", rows[start : start + BATCH]
        )
    return len(rows)


@router.get("/export.ndjson")
async def export(pool: Annotated[asyncpg.Pool, Depends(get_pool)]) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        after = 0
        while True:
            async with pool.acquire() as connection:
                rows = await connection.fetch(LIST, after, BATCH)
            for row in rows:
                yield json.dumps(dict(row)) + "\n"
            if len(rows) < BATCH:
                return
            after = rows[-1]["id"]

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@router.get("/report")
async def report(connection: Connection) -> dict[str, int]:
    rows = await connection.fetch(
        "SELECT category_id, count(*) AS n FROM rs_products GROUP BY category_id"
    )
    return {str(row["category_id"]): row["n"] for row in rows}
