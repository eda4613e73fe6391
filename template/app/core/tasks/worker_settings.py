"""The settings of the processes that run tasks."""

from pydantic import Field

from app.core.tasks.settings import RunnerSettings


class WorkerSettings(RunnerSettings):
    """Processes of their own run tasks: how many there are, and how it is noticed that one died."""

    # Where a worker answers probes; and how many processes `app.worker` starts.
    worker_port: int = Field(default=8001, ge=1, le=65535)
    worker_processes: int = Field(default=1, ge=1)
    # What a worker has in hand is given to another one, if nothing is heard of it for so long.
    task_lease_seconds: float = Field(default=10, gt=0)
    # What was sent and not begun is sent again: after so long, then twice as long, and so on.
    task_resend_seconds: float = Field(default=5, gt=0)
