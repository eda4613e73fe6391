"""A task that is enqueued within a transaction runs after its commit, or not at all."""

from contextlib import AbstractAsyncContextManager, suppress
from typing import TypeAlias

import pytest

from app.core.database.direct import DirectTransaction
from app.core.database.session import Database, WriteSession
from app.core.lifespan import State
from app.core.tasks.contract import TaskState
from app.core.tasks.task import task
from app.core.tasks.within import enqueue_within
from tests.fixtures.tasks import until_state

pytestmark = pytest.mark.usefixtures("workers_here")

AnyTransaction: TypeAlias = WriteSession | DirectTransaction


class ChangedOurMindsError(Exception):
    """Nothing of it shall stay."""


@task()
async def do_nothing(_state: State, _number: int) -> None: ...


def begin(database: Database, kind: str) -> AbstractAsyncContextManager[AnyTransaction]:
    return database.write() if kind == "session" else database.direct_transaction()


@pytest.mark.parametrize("kind", ["session", "direct"])
async def test_a_commit_enqueues_it(state: State, kind: str) -> None:
    broker = state["broker"]
    ids: list[str] = []
    for number in range(50):
        async with begin(state["database"], kind) as transaction:
            ids.append(await enqueue_within(transaction, broker, do_nothing(number)))

    for task_id in ids:
        await until_state(broker.ledger, task_id, TaskState.SUCCEEDED)


@pytest.mark.parametrize("kind", ["session", "direct"])
async def test_a_rollback_enqueues_nothing(state: State, kind: str) -> None:
    broker = state["broker"]
    for number in range(50):
        with suppress(ChangedOurMindsError):
            async with begin(state["database"], kind) as transaction:
                await enqueue_within(transaction, broker, do_nothing(number))
                raise ChangedOurMindsError

    assert sum((await broker.ledger.counts()).values()) == 0
    assert broker.stats()["enqueued"] == 0


@pytest.mark.parametrize("kind", ["session", "direct"])
async def test_within_a_transaction_too_a_key_is_for_one(state: State, kind: str) -> None:
    broker = state["broker"]
    for number in range(3):
        async with begin(state["database"], kind) as transaction:
            await enqueue_within(transaction, broker, do_nothing(number), key="once")

    assert sum((await broker.ledger.counts()).values()) == 1
