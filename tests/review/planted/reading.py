"""Queries that are too many, and answers that are too long, in many forms."""

import csv
import io
import json
from collections.abc import Sequence

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy import ForeignKey, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database.model import Model
from app.core.database.session import DatabaseDep, SessionDep

router = APIRouter()


class Customer(Model):
    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    orders: Mapped[list["Order"]] = relationship()  # finds: lazy-relationship
    notes: Mapped[list["Order"]] = relationship(lazy="select")  # finds: lazy-relationship
    latest: Mapped["Order"] = relationship(uselist=False, viewonly=True)  # finds: lazy-relationship


class Order(Model):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    total: Mapped[int]


class OrderOut(BaseModel):
    id: int
    customer: str


class OrderList(BaseModel):
    items: list[OrderOut]


class Repository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def customer(self, customer_id: int) -> Customer | None:
        return await self.session.get(Customer, customer_id)

    async def everything(self) -> Sequence[Order]:
        return (await self.session.scalars(select(Order))).all()  # finds: unbounded-list


@router.get("/first-orders")
async def first_orders(session: SessionDep) -> list[OrderOut]:
    orders = (await session.scalars(select(Order).limit(20))).all()
    found = []
    for order in orders:
        customer = await session.get(Customer, order.customer_id)  # finds: query-in-loop
        found.append(OrderOut(id=order.id, customer=customer.name if customer else ""))
    return found


@router.get("/orders-of-repository")
async def orders_of_repository(session: SessionDep) -> list[OrderOut]:
    repository = Repository(session)
    orders = (await session.scalars(select(Order).limit(20))).all()
    customers = [await repository.customer(o.customer_id) for o in orders]  # finds: query-in-loop
    return [
        OrderOut(id=order.id, customer=customer.name if customer else "")
        for order, customer in zip(orders, customers, strict=True)
    ]


@router.get("/names")
async def names(session: SessionDep, ids: str) -> list[str | None]:
    found = []
    for each in ids.split(","):
        statement = text("SELECT name FROM customers WHERE id = :id")
        rows = await session.execute(statement, {"id": int(each)})  # finds: query-in-loop
        found.append(rows.scalar_one_or_none())
    return found


@router.get("/all-orders", response_model=list[OrderOut])
async def all_orders(session: SessionDep) -> object:
    return (await session.scalars(select(Order).order_by(Order.id))).all()  # finds: unbounded-list


@router.get("/orders")
async def list_orders(session: SessionDep) -> OrderList:
    orders = await Repository(session).everything()
    return OrderList(items=[OrderOut(id=order.id, customer="") for order in orders])


@router.get("/raw-orders")
async def raw_orders(session: SessionDep):
    rows = await session.execute(text("SELECT id, total FROM orders"))
    return [dict(row) for row in rows.mappings().all()]  # finds: unbounded-list


@router.get("/export.csv")
async def export(database: DatabaseDep) -> Response:
    file = io.StringIO()
    writer = csv.writer(file)
    async with database.read() as session:
        for order in await session.stream_scalars(select(Order)):
            writer.writerow([order.id, order.total])
    return Response(file.getvalue(), media_type="text/csv")  # finds: collected-export


@router.get("/download")
async def download(database: DatabaseDep) -> StreamingResponse:
    async with database.read() as session:
        orders = (await session.scalars(select(Order))).all()  # finds: collected-export
    return StreamingResponse(iter([f"{order.id}\n" for order in orders]))


@router.get("/everything")
async def everything(database: DatabaseDep) -> Response:
    body = await lines(database)
    return Response(body, media_type="application/x-ndjson")


async def lines(database: DatabaseDep) -> str:
    async with database.read() as session:
        rows = (await session.execute(text("SELECT id FROM orders"))).fetchall()  # finds: collected-export
    return "".join(json.dumps({"id": row.id}) for row in rows)
