"""CPU-bound work, away from the event loop."""

import os
from collections.abc import Callable
from typing import TypeVar

from anyio import to_process
from pydantic import BaseModel, Field

T = TypeVar("T")


class CpuSettings(BaseModel):
    """How much CPU-bound work runs at once."""

    # Processes; they start with the first call.
    cpu_workers: int = Field(default=os.cpu_count() or 1, ge=1)


def limit_cpu_workers(settings: CpuSettings) -> None:
    """Bound the worker processes of the running event loop."""
    to_process.current_default_process_limiter().total_tokens = settings.cpu_workers


async def run_cpu(function: Callable[..., T], *args: object) -> T:
    """Run a function in a worker process: for what takes longer than some 10 ms of CPU.

    The function, its arguments and its result are pickled, so it has to be importable.
    Calls beyond `cpu_workers` wait. A cancelled call ends its process; so does shutdown.
    Work of seconds belongs into a task instead.
    """
    return await to_process.run_sync(function, *args, cancellable=True)
