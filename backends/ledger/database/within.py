"""Tasks that are part of a transaction: the outbox."""

from typing import TypeAlias, cast

from sqlalchemy import select

from app.core.database.direct import DirectTransaction
from app.core.database.session import WriteSession
from app.core.tasks.broker import Broker
from app.core.tasks.ledger import DatabaseLedger
from app.core.tasks.message import Message
from app.core.tasks.statements import ADD, KNOWN
from app.core.tasks.table import TaskRow
from app.core.tasks.task import Call

Transaction: TypeAlias = WriteSession | DirectTransaction


async def enqueue_within(
    transaction: Transaction,
    broker: Broker,
    call: Call,
    *,
    after_seconds: float = 0,
    key: str | None = None,
) -> str:
    """Have a task run if the transaction is committed, and not at all otherwise. Gives its id."""
    message = Message.of(call, key)
    row = cast("DatabaseLedger", broker.ledger).row_of(message, after_seconds)
    if isinstance(transaction, WriteSession):
        known = await transaction.scalar(select(TaskRow.id).where(TaskRow.id == message.id))
        if known is None:
            await transaction.execute(ADD.statement, row)
    else:
        known = await transaction.fetch_value(KNOWN, id=message.id)
        if known is None:
            await transaction.execute(ADD, **row)
    if known is None and not after_seconds:
        transaction.after_commit(lambda: broker.send_soon(message.id))
    return message.id
