"""Where the time of a request goes."""

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from app.core.observability.metrics import operation_number

MOST_CHARACTERS = 1000


@dataclass(slots=True)
class Spent:
    """How often something was done, and how long it took in all."""

    times: int = 0
    seconds: float = 0
    longest_seconds: float = 0
    # What took that long, where it was said.
    longest: str = ""


@dataclass(slots=True)
class Timing:
    """A request, and what it waited for."""

    # The ASGI scope. The router puts the route into it.
    scope: Mapping[str, Any]
    spent: dict[str, Spent] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Name the route by its template, `/posts/{post_id}`; `-` where there is none."""
        return getattr(self.scope.get("route"), "path_format", "-")

    @property
    def route(self) -> str:
        """Name the route by method and template: `GET /posts/{post_id}`."""
        return f"{self.scope.get('method', 'WEBSOCKET')} {self.path}"

    def add(self, name: str, seconds: float, what: str) -> None:
        """Note something that is over."""
        self._count(name, seconds, what)

    @contextmanager
    def spending(self, name: str, what: str) -> Generator[None]:
        """Note how long the block takes."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self._count(name, time.perf_counter() - started, what)

    def __str__(self) -> str:
        return ", ".join(told(name, spent) for name, spent in self.spent.items())

    def _count(self, name: str, seconds: float, what: str) -> None:
        spent = self.spent.setdefault(name, Spent())
        spent.times += 1
        spent.seconds += seconds
        if seconds > spent.longest_seconds:
            spent.longest_seconds, spent.longest = seconds, what


class TaskTiming(Timing):
    """A task that runs, and what it waits for."""

    def __init__(self, name: str) -> None:
        super().__init__({})
        self.name = name

    @property
    def route(self) -> str:
        """Name the task: `task posts.tasks.count_words`."""
        return f"task {self.name}"


def told(name: str, spent: Spent) -> str:
    """Say what time was spent on: `outbound 3 times in 210 ms, 205 of them for GET …`."""
    said = f"{name} {spent.times} times in {spent.seconds * 1000:.0f} ms"
    if not spent.longest:
        return said
    return f"{said}, {spent.longest_seconds * 1000:.0f} of them for {short(spent.longest)}"


def short(what: str) -> str:
    """Put it in a line that is no longer than it takes to recognize it."""
    return " ".join(what.split())[:MOST_CHARACTERS]


# Also inside tasks that it started: they run in a copy of its context.
timing: ContextVar[Timing | None] = ContextVar("timing", default=None)


def spend(name: str, seconds: float, what: str = "") -> None:
    """Note time that was spent on something, for the current request and for all together.

    `what` is shown to people, and sent to others: no value that came from a client.
    """
    operation_number(name).observe(seconds)
    current = timing.get()
    if current is not None:
        current.add(name, seconds, what)


def current_route() -> str:
    """Name the route of the current request, if there is one."""
    current = timing.get()
    return "-" if current is None else current.route


@contextmanager
def spending(name: str, what: str = "") -> Generator[None]:
    """Note how long the block takes, likewise."""
    current = timing.get()
    started = time.perf_counter()
    try:
        if current is None:
            yield
        else:
            with current.spending(name, what):
                yield
    finally:
        operation_number(name).observe(time.perf_counter() - started)
