"""The same faults, as others write them."""

import asyncio
import json
import subprocess as sp
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import httpx
import requests as rq
import urllib3
from celery import Celery
from fastapi import APIRouter, Depends, Request
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session, sessionmaker

from app.core.database.session import SessionDep
from app.features.planted.reading import Customer, Order, OrderOut
from app.features.planted.writing import Account

router = APIRouter()
celery = Celery()
Sessions = async_sessionmaker()
CONFIG = Path("config.json")


class Reports:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def newest(self) -> Any:
        return json.load(open(self.folder / "newest.json"))


async def get_reports() -> Reports:
    return Reports(Path("reports"))


ReportsDep = Annotated[Reports, Depends(get_reports)]


@router.get("/newest")
async def newest(reports: ReportsDep) -> Any:
    return reports.newest()  # finds: blocking-call


@router.post("/hook")
async def hook(url: str) -> int:
    session = rq.Session()  # finds: client-per-call
    return session.post(url, json={}).status_code  # finds: blocking-call


@router.get("/pool")
async def pool(url: str) -> int:
    http = urllib3.PoolManager()  # finds: blocking-call
    return http.request("GET", url).status  # finds: blocking-call


@router.get("/version")
async def version() -> bytes:
    return sp.check_output(["git", "rev-parse", "HEAD"])  # finds: blocking-call


@router.get("/sync-httpx")
async def sync_httpx(url: str) -> int:
    return httpx.get(url).status_code  # finds: blocking-call


@router.get("/config")
async def config() -> str:
    return CONFIG.read_text()  # finds: blocking-call


def get_db():
    with sessionmaker()() as db:
        yield db


@router.get("/sync-session")
async def sync_session(customer_id: int, db: Session = Depends(get_db)) -> str:
    customer = db.query(Customer).filter(Customer.id == customer_id).one()  # finds: blocking-call
    return customer.name


@router.get("/sync-session-in-a-thread")
def sync_session_in_a_thread(customer_id: int, db: Session = Depends(get_db)) -> str:
    return db.get_one(Customer, customer_id).name  # finds: sync-handler


@router.get("/gathered")
async def gathered(session: SessionDep, ids: str) -> list[str]:
    found = await asyncio.gather(
        *[session.get_one(Customer, int(each)) for each in ids.split(",")]  # finds: query-in-loop
    )
    return [each.name for each in found]


@router.get("/named", response_model=list[OrderOut])
async def named(db: SessionDep) -> Any:
    result = await db.execute(select(Order))
    return result.scalars().all()  # finds: unbounded-list


@router.get("/built")
async def built(session: SessionDep) -> list[OrderOut]:
    return [
        OrderOut(id=order.id, customer="")
        for order in await session.scalars(select(Order))  # finds: unbounded-list
    ]


async def get_connection(request: Request) -> asyncpg.Connection:
    return request.state.connection


@router.post("/reserve")
async def reserve(
    item_id: int, connection: Annotated[asyncpg.Connection, Depends(get_connection)]
) -> None:
    row = await connection.fetchrow("SELECT stock FROM items WHERE id = $1", item_id)
    await connection.execute(  # finds: lost-update
        "UPDATE items SET stock = $1 WHERE id = $2", row["stock"] - 1, item_id
    )


@router.post("/transfer")
async def transfer(account_id: int, amount: int, session: SessionDep) -> None:
    account = (
        await session.execute(select(Account).where(Account.id == account_id))
    ).scalar_one()
    await session.execute(
        update(Account).where(Account.id == 1).values({"balance": account.balance - amount})  # finds: lost-update
    )


@celery.task
def mail(account_id: int) -> None:
    """Send a mail."""


@router.post("/register")
async def register() -> None:
    async with Sessions() as session, session.begin():
        session.add(Account(id=3, balance=0))
        mail.delay(3)  # finds: early-enqueue


@router.get("/dashboard")
async def dashboard(request: Request) -> dict[str, Any]:
    client: httpx.AsyncClient = request.state.client
    users = await client.get("https://users")
    orders = await client.get("https://orders")  # finds: sequential-awaits
    return {"users": users.json(), "orders": orders.json()}


@router.get("/each")
async def each(request: Request, db: AsyncSession) -> dict[str, Any]:
    client: httpx.AsyncClient = request.state.client
    names = {"a", "b"}
    return {name: (await client.get(f"https://{name}")).json() for name in names}  # finds: sequential-awaits
