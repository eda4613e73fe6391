"""Writes that get lost, come too late, or are spoken of too early, in many forms."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends
from fastapi.responses import StreamingResponse
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database.model import Model
from app.core.database.session import DatabaseDep, SessionDep, WriteSession, get_session
from app.core.lifespan import State
from app.core.tasks.broker import Broker, BrokerDep
from app.core.tasks.task import task

router = APIRouter()
sessions = async_sessionmaker()


class Account(Model):
    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    balance: Mapped[int]


@task()
async def tell(state: State, account_id: int) -> None:
    """Tell of a payment."""


@router.post("/pay")
async def pay(account_id: int, amount: int, session: SessionDep) -> None:
    account = await session.get_one(Account, account_id)
    account.balance -= amount  # finds: lost-update


@router.post("/earn")
async def earn(account_id: int, amount: int, session: SessionDep) -> None:
    account = await session.scalar(select(Account).where(Account.id == account_id))
    assert account
    account.balance = account.balance + amount  # finds: lost-update


@router.post("/book")
async def book(account_id: int, amount: int, session: SessionDep) -> None:
    account = await session.get_one(Account, account_id)
    balance = account.balance + amount
    account.balance = max(balance, 0)  # finds: lost-update


@router.post("/set")
async def set_balance(account_id: int, amount: int, session: SessionDep) -> None:
    account = await session.get_one(Account, account_id)
    statement = update(Account).where(Account.id == account_id)
    await session.execute(
        update(Account).where(Account.id == account_id).values(balance=account.balance + amount)  # finds: lost-update
    )
    await session.execute(statement)


@router.post("/raw")
async def raw(account_id: int, amount: int, session: SessionDep) -> None:
    row = (await session.execute(text("SELECT balance FROM accounts WHERE id = 1"))).one()
    balance = row.balance
    await session.execute(  # finds: lost-update
        text("UPDATE accounts SET balance = :balance WHERE id = :id"),
        {"balance": balance + amount, "id": account_id},
    )


# --- Commits that come late ----------------------------------------------------------------------


async def own_session() -> AsyncGenerator[AsyncSession]:
    async with sessions() as session:
        yield session
        await session.commit()


async def transaction() -> AsyncGenerator[AsyncSession]:
    async with sessions.begin() as session:
        yield session


OwnSessionDep = Annotated[AsyncSession, Depends(own_session)]  # finds: late-commit


@router.post("/own")
async def with_transaction(session: AsyncSession = Depends(transaction)) -> None:  # finds: late-commit
    session.add(Account(id=1, balance=0))


@router.post("/default-scope")
async def default_scope(session: Annotated[WriteSession, Depends(get_session)]) -> None:  # finds: late-commit
    session.add(Account(id=1, balance=0))


@router.post("/background")
async def in_background(session: SessionDep, later: BackgroundTasks) -> None:
    session.add(Account(id=1, balance=0))
    later.add_task(session.commit)  # finds: late-commit


@router.get("/streamed")
async def streamed() -> StreamingResponse:
    async def body() -> AsyncGenerator[str]:
        async with sessions() as session:
            session.add(Account(id=1, balance=0))
            yield "half"
            await session.commit()  # finds: late-commit
            yield "whole"

    return StreamingResponse(body())


# --- Tasks that come early -----------------------------------------------------------------------


@router.post("/accounts")
async def create(session: SessionDep, broker: BrokerDep) -> None:
    session.add(Account(id=1, balance=0))
    await session.flush()
    await broker.enqueue(tell(1))  # finds: early-enqueue


@router.post("/accounts/direct")
async def create_direct(database: DatabaseDep, broker: BrokerDep) -> None:
    async with database.write() as session:
        session.add(Account(id=2, balance=0))
        await broker.enqueue(tell(2))  # finds: early-enqueue


@dataclass(frozen=True)
class Accounts:
    session: WriteSession
    broker: Broker

    async def open(self, account_id: int) -> None:
        self.session.add(Account(id=account_id, balance=0))
        await self.broker.enqueue(tell(account_id))  # finds: early-enqueue


async def by_hand(session: AsyncSession, account_id: int) -> None:
    session.add(Account(id=account_id, balance=0))
    tell.delay(account_id)  # finds: early-enqueue
    await session.commit()
