"""Where the time of a request goes."""

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from app.core.observability.metrics import operation_number


@dataclass(slots=True)
class Spent:
    """How often something was done, and how long it took in all."""

    times: int = 0
    seconds: float = 0


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

    def __str__(self) -> str:
        return ", ".join(
            f"{name} {spent.times} times in {spent.seconds * 1000:.0f} ms"
            for name, spent in self.spent.items()
        )


# Also inside tasks that the request started: they run in a copy of its context.
timing: ContextVar[Timing | None] = ContextVar("timing", default=None)


def spend(name: str, seconds: float) -> None:
    """Note time that was spent on something, for the current request and for all together."""
    operation_number(name).observe(seconds)
    current = timing.get()
    if current is not None:
        spent = current.spent.setdefault(name, Spent())
        spent.times += 1
        spent.seconds += seconds


def current_route() -> str:
    """Name the route of the current request, if there is one."""
    current = timing.get()
    return "-" if current is None else current.route


@contextmanager
def spending(name: str) -> Generator[None]:
    """Note how long the block takes."""
    started = time.perf_counter()
    try:
        yield
    finally:
        spend(name, time.perf_counter() - started)
