"""A task that was enqueued, as it is kept."""

import json
import secrets
import uuid
from dataclasses import dataclass
from typing import Self

from app.core.observability.logging import request_id
from app.core.observability.trace_context import TraceContext, trace_context
from app.core.tasks.task import Call

JSON = json.JSONEncoder(separators=(",", ":"))
# Of the ids that follow from a key.
NAMESPACE = uuid.UUID("7b0f5a4e-35a5-4f0c-9a57-0f7d3c7c1a52")


@dataclass(frozen=True)
class Message:
    """Which task is to be run with what, on behalf of which request, and in which trace."""

    id: str
    name: str
    args: list[object]
    kwargs: dict[str, object]
    request_id: str
    traceparent: str = ""
    tracestate: str = ""

    @classmethod
    def of(cls, call: Call, key: str | None = None) -> Self:
        """Write a call down. Two with the same key are the same: the second changes nothing."""
        trace = trace_context.get() or TraceContext("")
        return cls(
            secrets.token_hex(16) if key is None else id_of(call.name, key),
            call.name,
            [*call.args],
            call.kwargs,
            request_id.get(),
            trace.parent,
            trace.state,
        )

    @property
    def trace(self) -> TraceContext | None:
        """What the request was part of, if it was said."""
        return TraceContext(self.traceparent, self.tracestate) if self.traceparent else None

    def to_json(self) -> str:
        """Write it, or raise a `TypeError` for what JSON can't say."""
        return JSON.encode(vars(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read it."""
        return cls(**json.loads(text))


def id_of(name: str, key: str) -> str:
    """Say what a task with a key is called, whoever enqueues it."""
    return uuid.uuid5(NAMESPACE, f"{name}\n{key}").hex
