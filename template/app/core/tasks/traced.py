"""The spans of tasks."""

from opentelemetry.trace import SpanKind

from app.core.observability.tracing import Tracing
from app.core.tasks.contract import Started
from app.core.tasks.runner import Runner
from app.core.tasks.task import Task


class TracedRunner(Runner):
    """Records tasks: each attempt below the span of what enqueued it, and if that is recorded."""

    async def _call(self, task: Task[...], started: Started) -> None:
        tracing = self.state.get("tracing")
        if not isinstance(tracing, Tracing):
            await super()._call(task, started)
            return
        attributes = {"task.id": started.message.id, "task.attempt": started.attempt}
        with tracing.recording(f"task {task.name}", SpanKind.CONSUMER, attributes):
            await super()._call(task, started)
