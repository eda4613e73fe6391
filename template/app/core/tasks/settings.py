"""The settings of tasks, whoever carries and keeps them."""

from pydantic import BaseModel, Field


class RunnerSettings(BaseModel):
    """How tasks are run."""

    # Tasks that run at once, in each process.
    task_workers: int = Field(default=10, ge=1)
    # Of a task that doesn't say otherwise.
    task_timeout_seconds: float = Field(default=300, gt=0)
    # How long tasks may go on at shutdown.
    task_drain_seconds: float = Field(default=20, ge=0)
    # How often somebody looks for those whose time has come.
    task_poll_seconds: float = Field(default=0.5, gt=0)
    # How long it is known that a task succeeded.
    task_retention_seconds: float = Field(default=3600, ge=0)
