"""Work that a request doesn't wait for."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec

P = ParamSpec("P")


@dataclass(frozen=True)
class Task(Generic[P]):
    """A function to be run later, by its name."""

    name: str
    function: Callable[Concatenate[Any, P], Coroutine[Any, Any, None]]


def task(function: Callable[Concatenate[Any, P], Coroutine[Any, Any, None]]) -> Task[P]:
    """Declare a task: `async def count_words(state: State, post_id: int) -> None`.

    The first argument is what the lifespan opened; the others come from `Broker.enqueue`.
    Pass ids rather than what they stand for: by the time the task runs, that has changed.
    """
    return Task(f"{function.__module__}.{function.__qualname__}", function)
