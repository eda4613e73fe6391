"""What Prometheus is told of tasks, by their names."""

from prometheus_client import Counter, Gauge, Histogram

from app.core.observability.metrics import REGISTRY
from app.core.tasks.contract import Ledger

TASKS_RUN = Histogram(
    "task_duration_seconds",
    "Each attempt to run a task, whatever became of it.",
    ["task"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300),
    registry=REGISTRY,
)
TASKS_FAILED = Counter(
    "task_failures", "Attempts that failed.", ["task", "exception"], registry=REGISTRY
)
# All processes that share a ledger see the same: the largest is the latest, or nearly.
TASKS_KNOWN = Gauge(
    "tasks_in_state",
    "Tasks by state, of all processes.",
    ["state"],
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
OLDEST = Gauge(
    "tasks_oldest_seconds",
    "For how long the oldest task has been ready, and not begun.",
    registry=REGISTRY,
    multiprocess_mode="livemax",
)


async def take_stock(ledger: Ledger) -> None:
    """Count the tasks. It asks the ledger, so only those who run tasks do it, and not often."""
    for state, count in (await ledger.counts()).items():
        TASKS_KNOWN.labels(state).set(count)
    OLDEST.set(await ledger.oldest_seconds())
