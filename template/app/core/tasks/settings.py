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


class WorkerSettings(RunnerSettings):
    """Processes of their own run tasks: how many there are, and how it is noticed that one died."""

    # Where a worker answers probes; and how many processes `app.worker` starts.
    worker_port: int = Field(default=8001, ge=1, le=65535)
    worker_processes: int = Field(default=1, ge=1)
    # What a worker has in hand is given to another one, if nothing is heard of it for so long.
    task_lease_seconds: float = Field(default=10, gt=0)
    # What was sent and not begun is sent again: after so long, then twice as long, and so on.
    task_resend_seconds: float = Field(default=5, gt=0)
