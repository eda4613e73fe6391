"""What becomes of tasks, for those who wait for them and for those who watch over them."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.core.errors import NotFound
from app.core.observability.management import MANAGEMENT
from app.core.problem import problem_responses
from app.core.tasks.broker import BrokerDep
from app.core.tasks.contract import TaskState, TaskStatus

router = APIRouter(tags=["tasks"])


class TaskNotFound(NotFound):
    """There is no such task, or it was done long ago."""


class QueueStatus(BaseModel):
    """The tasks of all processes."""

    tasks: dict[TaskState, int] = Field(description="How many there are, by state.")
    oldest_seconds: float = Field(description="For how long the oldest has been ready, not begun.")


@router.get("/tasks/{task_id}", responses=problem_responses(TaskNotFound))
async def get_task(task_id: str, broker: BrokerDep) -> TaskStatus:
    """Tell how far a task is."""
    status = await broker.status(task_id)
    if status is None:
        raise TaskNotFound
    return status


@router.get("/health/tasks", dependencies=[MANAGEMENT])
async def get_queue(broker: BrokerDep) -> QueueStatus:
    """Count the tasks."""
    ledger = broker.ledger
    return QueueStatus(
        tasks=dict(await ledger.counts()), oldest_seconds=await ledger.oldest_seconds()
    )
