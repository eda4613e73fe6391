from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from app.features.styles.repository_pattern.models import Base, Customer, Order, Stock

M = TypeVar("M", bound=Base)


class AbstractRepository(ABC, Generic[M]):
    @abstractmethod
    async def get(self, identity: int) -> M | None: ...

    @abstractmethod
    async def list(self, *, skip: int = 0, limit: int = 50) -> Sequence[M]: ...


class SqlRepository(AbstractRepository[M]):
    model: type[M]

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, identity: int) -> M | None:
        return await self._session.get(self.model, identity)

    async def list(self, *, skip: int = 0, limit: int = 50) -> Sequence[M]:
        query = select(self.model).offset(skip).limit(limit)
        return (await self._session.scalars(query)).all()

    async def add(self, row: M) -> M:
        self._session.add(row)
        await self._session.flush()
        return row

    async def _all(self, query: Select[Any]) -> Sequence[M]:
        return (await self._session.scalars(query)).all()


class CustomerRepository(SqlRepository[Customer]):
    model = Customer

    async def by_email(self, email: str) -> Customer | None:
        result = await self._session.execute(select(Customer).where(Customer.email == email))
        return result.scalar_one_or_none()

    async def by_ids(self, ids: Iterable[int]) -> dict[int, Customer]:
        rows = await self._session.scalars(select(Customer).where(Customer.id.in_(ids)))
        return {row.id: row for row in rows}


class OrderRepository(SqlRepository[Order]):
    model = Order

    async def latest(self, limit: int) -> Sequence[Order]:
        return await self._all(
            select(Order).options(selectinload(Order.lines)).order_by(Order.id.desc()).limit(limit)
        )

    async def locked(self, order_id: int) -> Order | None:
        return await self._session.scalar(
            select(Order).where(Order.id == order_id).with_for_update()
        )


class StockRepository(SqlRepository[Stock]):
    model = Stock

    async def take(self, sku: str, quantity: int) -> bool:
        result = await self._session.execute(
            update(Stock)
            .where(Stock.sku == sku, Stock.left >= quantity)
            .values(left=Stock.left - quantity)
        )
        return result.rowcount == 1
