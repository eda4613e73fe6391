"""Which trace a request is part of (W3C Trace Context): whoever works for it is told."""

import re
from collections.abc import Iterator
from contextvars import ContextVar
from typing import NamedTuple

from starlette.types import Scope

# Version, trace, the part of it that calls, and whether that is recorded.
PARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
# As much as everybody has to pass on.
STATE = re.compile(rb"[ -~]{0,512}")


class TraceContext(NamedTuple):
    """The two headers that say so."""

    parent: str
    # What vendors add to it: passed on as it is.
    state: str = ""

    @property
    def trace_id(self) -> str:
        """The id of the trace alone, as it is looked for."""
        return self.parent[3:35]

    def headers(self) -> Iterator[tuple[str, str]]:
        """Say so to somebody else."""
        yield "traceparent", self.parent
        if self.state:
            yield "tracestate", self.state


# Also inside tasks that the request started: they run in a copy of its context.
trace_context: ContextVar[TraceContext | None] = ContextVar("trace_context", default=None)


def trace_id() -> str | None:
    """Name the trace that the current request, or task, is part of."""
    current = trace_context.get()
    return None if current is None else current.trace_id


def trace_context_of(scope: Scope) -> TraceContext | None:
    """Read the headers of a request. What isn't sound isn't passed on."""
    parents: list[bytes] = []
    states: list[bytes] = []
    for name, value in scope["headers"]:
        if name == b"traceparent":
            parents.append(value)
        elif name == b"tracestate":
            states.append(value)
    if len(parents) != 1 or not PARENT.fullmatch(parents[0]):
        return None
    state = b",".join(states)
    return TraceContext(parents[0].decode(), state.decode() if STATE.fullmatch(state) else "")
