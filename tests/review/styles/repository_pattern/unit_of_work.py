from types import TracebackType
from typing import Self

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from app.features.styles.repository_pattern.repositories import (
    CustomerRepository,
    OrderRepository,
    StockRepository,
)

engine = create_async_engine("postgresql+asyncpg://localhost/orders")
SessionFactory = async_sessionmaker(engine, expire_on_commit=False)


class UnitOfWork:
    session: AsyncSession
    customers: CustomerRepository
    orders: OrderRepository
    stock: StockRepository

    async def __aenter__(self) -> Self:
        self.session = SessionFactory()
        self.customers = CustomerRepository(self.session)
        self.orders = OrderRepository(self.session)
        self.stock = StockRepository(self.session)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.session.rollback()
        await self.session.close()

    async def commit(self) -> None:
        await self.session.commit()
