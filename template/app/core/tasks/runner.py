"""Runs tasks."""

import asyncio
import logging
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.core.observability.logging import request_id
from app.core.observability.timing import TaskTiming, timing
from app.core.observability.trace_context import trace_context
from app.core.tasks.contract import Ledger, Started
from app.core.tasks.numbers import TASKS_FAILED, TASKS_RUN
from app.core.tasks.settings import RunnerSettings
from app.core.tasks.task import TASKS, Task

logger = logging.getLogger(__name__)

# A pause before a repetition is no longer.
LONGEST_PAUSE_SECONDS = 3600
# A task of a name that nobody knows here may be one of a newer version, which is on its way.
UNKNOWN_SECONDS = 10


@dataclass
class Counts:
    """What became of the tasks that this process ran."""

    succeeded: int = 0
    repeated: int = 0
    died: int = 0
    handed_back: int = 0
    seconds: float = 0


@dataclass
class Runner:
    """Takes tasks in hand, and notes what became of them."""

    name = "task_runner"
    totals = frozenset({"succeeded", "repeated", "died", "handed_back", "seconds"})

    ledger: Ledger
    settings: RunnerSettings
    state: Mapping[str, object]
    counts: Counts = field(default_factory=Counts)
    running: dict[asyncio.Task[None], Started] = field(default_factory=dict)
    is_ending: bool = False
    in_hand: int = 0
    # Whether what came had waited, since somebody last asked; at first one doesn't know.
    came: set[bool] = field(default_factory=lambda: {True})

    async def handle(self, task_id: str) -> None:
        """Run a task that was sent here, unless it is done, or another one has it."""
        if self.is_ending:
            # What was sent and isn't begun is sent again.
            return
        self.in_hand += 1
        try:
            started = await self.ledger.start(task_id)
            if started is None:
                return
            self.came.add(started.has_waited)
            work = asyncio.create_task(self._run(started))
            self.running[work] = started
            work.add_done_callback(self.running.pop)
            await asyncio.wait([work])
            work.result()
        except Exception:
            # Its lease ends, and it is sent again.
            logger.exception("What became of task %s isn't known", task_id)
        finally:
            self.in_hand -= 1

    def has_time(self) -> bool:
        """Tell whether tasks come as soon as they are sent, as far as one knows here.

        If none came since this was last asked, that means nothing as long as there is no room.
        """
        came, self.came = self.came, set()
        return False in came or (not came and self.in_hand < self.settings.task_workers)

    async def renew(self) -> None:
        """Tell that what is in hand is being worked on."""
        if self.running:
            await self.ledger.renew([*self.running.values()])

    async def cut_off(self) -> None:
        """Let what is in hand go on for a time, then hand it back."""
        await asyncio.sleep(self.settings.task_drain_seconds)
        self.is_ending = True
        for work in self.running:
            work.cancel()

    async def ping(self) -> None:
        """Nothing to ask: it is in this process."""

    def stats(self) -> Mapping[str, float]:
        """Count the tasks of this process, by what became of them."""
        return {"running": len(self.running), **vars(self.counts)}

    async def _run(self, started: Started) -> None:
        message = started.message
        request_id.set(message.request_id)
        trace_context.set(message.trace)
        timing.set(TaskTiming(message.name))
        task = TASKS.get(message.name)
        if task is None:
            logger.warning("There is no task %s here; it waits for who has it", message.name)
            await self.ledger.hand_back(started, UNKNOWN_SECONDS)
            return
        if started.attempt > task.max_attempts:
            await self._bury(started, "Whoever ran it died each time.")
            return
        began = time.monotonic()
        try:
            await self._call(task, started)
        except asyncio.CancelledError:
            if not self.is_ending:
                await self._fail(task, started, asyncio.CancelledError("Cancelled"))
                return
            self.counts.handed_back += 1
            await self.ledger.hand_back(started, 0)
        except Exception as error:
            await self._fail(task, started, error)
        else:
            self.counts.succeeded += 1
            await self.ledger.succeed(started)
        finally:
            seconds = time.monotonic() - began
            self.counts.seconds += seconds
            TASKS_RUN.labels(task.name).observe(seconds)

    async def _call(self, task: Task[...], started: Started) -> None:
        message = started.message
        seconds = task.timeout_seconds or self.settings.task_timeout_seconds
        async with asyncio.timeout(seconds):
            await task.function(self.state, *message.args, **message.kwargs)

    async def _fail(self, task: Task[...], started: Started, error: BaseException) -> None:
        attempt = started.attempt
        told = f"{type(error).__name__}: {error}"
        TASKS_FAILED.labels(task.name, type(error).__name__).inc()
        if isinstance(error, task.fatal):
            await self._bury(started, told, error)
            return
        logger.error(
            "Task %s failed, attempt %d of %d",
            task.name,
            attempt,
            task.max_attempts,
            exc_info=error,
        )
        if attempt >= task.max_attempts:
            await self._bury(started, told)
            return
        self.counts.repeated += 1
        await self.ledger.repeat(started, pause_seconds(task, attempt), told)

    async def _bury(self, started: Started, error: str, cause: BaseException | None = None) -> None:
        message = started.message
        logger.error("Task %s (%s) is dead: %s", message.name, message.id, error, exc_info=cause)
        self.counts.died += 1
        await self.ledger.bury(started, error)


def pause_seconds(task: Task[...], attempt: int) -> float:
    """Double with each attempt; those who failed together don't come back together."""
    longest = min(task.backoff_seconds * 2 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
    return random.uniform(longest / 2, longest)  # noqa: S311 - no secret
