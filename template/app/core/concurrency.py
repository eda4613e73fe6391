"""CPU-bound work, away from the event loop; and handlers that are no coroutines, in threads."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

from anyio import CancelScope, current_time, to_process, to_thread
from anyio.lowlevel import RunVar
from pydantic import BaseModel, Field

from app.core.deadline import remaining_seconds
from app.core.errors import GatewayTimeout, Unavailable
from app.core.observability.identity import available_cpus

T = TypeVar("T")

# Of the event loop, as the processes are.
running_calls: RunVar[set[CancelScope]] = RunVar("running_calls")


class CpuSettings(BaseModel):
    """How much runs at once beside the event loop."""

    # Processes; they start with the first call.
    cpu_workers: int = Field(default=available_cpus(), ge=1)
    # Handlers that are no coroutines; unless told otherwise, as many as can be of use.
    sync_threads: int | None = Field(default=None, ge=1)


class CpuPool:
    """The processes of the running event loop."""

    name = "cpu"

    async def ping(self) -> None:
        """Nothing to ask: a process that ended is replaced."""

    def stats(self) -> Mapping[str, float]:
        """Count the processes, and the calls that run and wait."""
        used = to_process.current_default_process_limiter().statistics()
        return {
            "workers": used.total_tokens,
            "running": used.borrowed_tokens,
            "waiting": used.tasks_waiting,
        }


@asynccontextmanager
async def open_cpu_pool(settings: CpuSettings) -> AsyncGenerator[CpuPool]:
    """Bound the worker processes; at the end, end what they do."""
    to_process.current_default_process_limiter().total_tokens = settings.cpu_workers
    running_calls.set(set())
    try:
        yield CpuPool()
    finally:
        for call in tuple(running_calls.get()):
            call.cancel()


def limit_threads(threads: int | None) -> None:
    """Bound the threads for handlers that are no coroutines. AnyIO has its own idea: 40."""
    if threads is not None:
        to_thread.current_default_thread_limiter().total_tokens = threads


async def run_cpu(function: Callable[..., T], *args: object) -> T:
    """Run a function in a worker process: for what takes longer than some 10 ms of CPU.

    The function, its arguments and its result are pickled, so it has to be importable.
    Calls beyond `cpu_workers` wait. A call that is cancelled, or that takes longer than the request
    has time, ends its process; so does shutdown. Work of seconds belongs into a task instead.
    """
    left = remaining_seconds()
    call = CancelScope() if left is None else CancelScope(deadline=current_time() + left)
    running = running_calls.get(set())
    running.add(call)
    try:
        with call:
            return await to_process.run_sync(function, *args, cancellable=True)
    finally:
        running.discard(call)
    # It was cancelled by its own scope, or there would be a result.
    if current_time() >= call.deadline:
        raise GatewayTimeout("To compute it takes too long.")
    raise Unavailable("The service is about to end.")
