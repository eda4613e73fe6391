from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, status
from pydantic import BaseModel

from app.core.http_client.client import HttpClientDep
from app.core.tasks.broker import BrokerDep
from app.features.styles.repository_pattern.services import OrderService, OutOfStock
from app.features.styles.repository_pattern.unit_of_work import UnitOfWork

router = APIRouter(prefix="/rp/orders")


class OrderIn(BaseModel):
    customer_id: int
    lines: dict[str, int]


class OrderOut(BaseModel):
    id: int
    total: int


class OrderSummary(BaseModel):
    id: int
    email: str
    lines: int


@lru_cache
def price_list() -> dict[str, int]:
    return {"apple": 1}


def get_service(broker: BrokerDep, http_client: HttpClientDep) -> OrderService:
    return OrderService(UnitOfWork(), broker, http_client)


ServiceDep = Annotated[OrderService, Depends(get_service)]


@router.post("/", status_code=status.HTTP_201_CREATED)
async def place(new: OrderIn, service: ServiceDep) -> OrderOut:
    try:
        order = await service.place(new.customer_id, new.lines)
    except OutOfStock as error:
        raise HTTPException(status.HTTP_409_CONFLICT, str(error)) from error
    return OrderOut(id=order.id, total=order.total)


@router.get("/")
async def overview(
    service: ServiceDep, limit: Annotated[int, Query(le=100)] = 20
) -> list[OrderSummary]:
    return [OrderSummary.model_validate(row) for row in await service.overview(limit)]


@router.get("/prices")
async def prices() -> dict[str, int]:
    return {name: price for name, price in price_list().items() if price}


@router.delete("/{order_id}")
async def cancel(order_id: int, service: ServiceDep) -> None:
    await service.cancel(order_id)


@router.get("/statuses")
def statuses() -> list[str]:
    return ["new", "paid", "cancelled"]
