import asyncio
import logging
from dataclasses import dataclass

from app.core.http_client.client import HttpClient
from app.core.lifespan import State
from app.core.tasks.broker import Broker
from app.core.tasks.task import task
from app.features.styles.repository_pattern.models import Order, OrderLine
from app.features.styles.repository_pattern.unit_of_work import UnitOfWork

logger = logging.getLogger(__name__)


class OutOfStock(Exception):
    pass


@task()
async def confirm(state: State, order_id: int) -> None:
    logger.info("confirmed %d", order_id)


@dataclass
class OrderService:
    uow: UnitOfWork
    broker: Broker
    http_client: HttpClient

    async def place(self, customer_id: int, lines: dict[str, int]) -> Order:
        async with self.uow:
            customer = await self.uow.customers.get(customer_id)
            if customer is None:
                raise LookupError(customer_id)
            for sku, quantity in lines.items():
                # Writes, a row each; few.
                if not await self.uow.stock.take(sku, quantity):
                    raise OutOfStock(sku)
            order = Order(customer_id=customer.id, status="new")
            order.lines = [OrderLine(sku=sku, quantity=n) for sku, n in lines.items()]
            order.total = sum(line.quantity for line in order.lines)
            await self.uow.orders.add(order)
            await self.uow.commit()
        # After the commit.
        await self.broker.enqueue(confirm(order.id))
        return order

    async def cancel(self, order_id: int) -> None:
        async with self.uow:
            order = await self.uow.orders.locked(order_id)
            if order is None:
                raise LookupError(order_id)
            order.status = "cancelled"
            order.total -= order.total
            await self.uow.commit()

    async def overview(self, limit: int) -> list[dict[str, object]]:
        async with self.uow:
            orders = await self.uow.orders.latest(limit)
            customers = await self.uow.customers.by_ids({order.customer_id for order in orders})
        return [
            {"id": order.id, "email": customers[order.customer_id].email, "lines": len(order.lines)}
            for order in orders
        ]

    async def enriched(self, sku: str) -> dict[str, bytes]:
        async with asyncio.TaskGroup() as group:
            price = group.create_task(self.http_client.get(f"https://prices/{sku}"))
            image = group.create_task(self.http_client.get(f"https://images/{sku}"))
        return {"price": price.result().body, "image": image.result().body}

    async def token_then_data(self, sku: str) -> bytes:
        token = await self.http_client.get("https://auth/token")
        data = await self.http_client.get(
            f"https://stock/{sku}", headers={"Authorization": token.body.decode()}
        )
        return data.body

    async def with_retries(self, sku: str) -> bytes | None:
        for attempt in range(3):
            try:
                return (await self.http_client.get(f"https://stock/{sku}")).body
            except ConnectionError:
                await asyncio.sleep(2**attempt)
        return None

    async def all_pages(self) -> list[bytes]:
        pages, url = [], "https://stock/?page=1"
        while url:
            answer = await self.http_client.get(url)
            pages.append(answer.body)
            url = answer.headers.get("next", "")
        return pages
