"""Tasks that follow from a transaction."""

from typing import Protocol

from app.core.tasks.broker import Broker
from app.core.tasks.contract import Effect
from app.core.tasks.message import Message
from app.core.tasks.task import Call


class Transaction(Protocol):
    """What others may see once it is committed, and only then."""

    def after_commit(self, effect: Effect) -> None:
        """Run an effect once the transaction is committed."""


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
    transaction.after_commit(lambda: broker.enqueue_message(message, after_seconds))
    return message.id
