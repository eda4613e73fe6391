"""Work that a request doesn't wait for."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Concatenate, Generic, ParamSpec

from cronsim import CronSim, CronSimError

P = ParamSpec("P")
TaskFunction = Callable[Concatenate[Any, P], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Call:
    """A task with its arguments, which JSON has to be able to say."""

    name: str
    args: tuple[object, ...]
    kwargs: dict[str, object]


@dataclass(frozen=True)
class Task(Generic[P]):
    """A function to be run later, by its name."""

    name: str
    function: TaskFunction[P]
    max_attempts: int
    backoff_seconds: float
    fatal: tuple[type[Exception], ...]
    timeout_seconds: float | None
    schedule: str | None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Call:
        """Say with which arguments it is to be run: `broker.enqueue(count_words(post.id))`."""
        return Call(self.name, args, kwargs)


# All that were declared, by name: what a worker can run.
TASKS: dict[str, Task[...]] = {}


def task(
    *,
    name: str | None = None,
    max_attempts: int = 5,
    backoff_seconds: float = 1,
    fatal: tuple[type[Exception], ...] = (),
    timeout_seconds: float | None = None,
    schedule: str | None = None,
) -> Callable[[TaskFunction[P]], Task[P]]:
    """Declare a task: `async def count_words(state: State, post_id: int) -> None`.

    The first argument is what the lifespan opened; the others come from who enqueues it. Pass ids
    rather than what they stand for: by the time the task runs, that has changed.

    A task runs at least once: where a worker dies, what it had in hand runs again. One that fails
    is repeated after a pause that doubles, up to `max_attempts`, unless the error is `fatal`; then
    it is a dead letter. `schedule` is cron's, in UTC: "30 3 * * *", for a task without arguments.
    """

    def declare(function: TaskFunction[P]) -> Task[P]:
        declared = Task(
            name or f"{function.__module__}.{function.__qualname__}".removeprefix("app.features."),
            function,
            max_attempts,
            backoff_seconds,
            fatal,
            timeout_seconds,
            schedule,
        )
        if schedule is not None:
            try:
                CronSim(schedule, datetime.now(UTC))
            except CronSimError as error:
                raise ValueError(
                    f"{declared.name} has the schedule {schedule!r}: {error}"
                ) from error
        if declared.name in TASKS:
            raise TypeError(f"There are two tasks of the name {declared.name}")
        TASKS[declared.name] = declared
        return declared

    return declare
