"""Runs tasks."""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.core.observability.logging import request_id
from app.core.observability.timing import TaskTiming, timing
from app.core.observability.trace_context import trace_context
from app.core.tasks.contract import Ledger, Started
from app.core.tasks.numbers import TASKS_FAILED, TASKS_RUN
from app.core.tasks.retrying import pause_seconds, until_noted
from app.core.tasks.settings import RunnerSettings
from app.core.tasks.task import TASKS, Task

logger = logging.getLogger(__name__)

# Where tasks take no longer than that, the next one is started before there is room for it.
QUICK_SECONDS = 0.1
# If it has to wait longer all the same, another worker may have time for it.
PATIENCE_SECONDS = 0.5
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


@dataclass(frozen=True)
class InHand:
    """A task that was started, until it is noted what became of it."""

    started: Started
    # Done when it is: another one may be run while it is being noted.
    is_over: asyncio.Future[None]


@dataclass
class Runner:
    """Takes tasks in hand, and notes what became of them."""

    name = "task_runner"
    totals = frozenset({"succeeded", "repeated", "died", "handed_back", "seconds"})

    ledger: Ledger
    settings: RunnerSettings
    state: Mapping[str, object]
    counts: Counts = field(default_factory=Counts)
    running: dict[asyncio.Task[None], InHand] = field(default_factory=dict)
    is_ending: bool = False
    # Whether the last one was.
    is_quick: bool = False
    in_hand: int = 0
    starting: int = 0
    # Whether what came had waited, since somebody last asked; at first one doesn't know.
    came: set[bool] = field(default_factory=lambda: {True})

    def __post_init__(self) -> None:
        """Make room for as many as may run at once."""
        self.room = asyncio.Semaphore(self.settings.task_workers)

    async def handle(self, task_id: str) -> None:
        """Run a task that was sent here, unless it is done, or another one has it.

        That it succeeded may be noted later: by `settle`, at the latest.
        """
        if self.is_ending:
            # What was sent and isn't begun is sent again.
            return
        self.in_hand += 1
        try:
            if self.room.locked() and self.is_quick:
                await self._run_next(task_id)
                return
            async with self.room:
                started = await self._start(task_id)
                if started is not None:
                    await self._begin(started)
        except Exception as error:
            self._lose(task_id, error)
        finally:
            self.in_hand -= 1

    def has_time(self) -> bool:
        """Tell whether tasks come as soon as they are sent, as far as one knows here.

        If none came since this was last asked, that means nothing as long as there is no room, or
        one is just being started.
        """
        came, self.came = self.came, set()
        has_room = self.in_hand < self.settings.task_workers and not self.starting
        return False in came or (not came and has_room)

    async def renew(self) -> None:
        """Tell that what is in hand is being worked on."""
        if self.running:
            await self.ledger.renew([each.started for each in self.running.values()])

    async def cut_off(self) -> None:
        """Let what is in hand go on for a time, then hand it back."""
        await asyncio.sleep(self.settings.task_drain_seconds)
        self.is_ending = True
        for work, task in self.running.items():
            if not task.is_over.done():
                work.cancel()

    async def settle(self) -> None:
        """Wait until it is noted what became of all that were run, if that is possible now."""
        self.is_ending = True
        while self.running:
            await asyncio.wait([*self.running])

    async def ping(self) -> None:
        """Nothing to ask: it is in this process."""

    def stats(self) -> Mapping[str, float]:
        """Count the tasks of this process, by what became of them."""
        return {"running": len(self.running), **vars(self.counts)}

    async def _start(self, task_id: str) -> Started | None:
        if self.is_ending:
            return None
        self.starting += 1
        try:
            started = await self.ledger.start(task_id)
        finally:
            self.starting -= 1
        if started is not None:
            self.came.add(started.has_waited)
        return started

    async def _run_next(self, task_id: str) -> None:
        """Run a task for which there is no room yet, but very soon."""
        started = await self._start(task_id)
        if started is None:
            return
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.room.acquire()
        except TimeoutError:
            self.is_quick = False
            await self._hand_back(started)
            return
        try:
            await (self._hand_back(started) if self.is_ending else self._begin(started))
        finally:
            self.room.release()

    async def _hand_back(self, started: Started) -> None:
        self.counts.handed_back += 1
        await self.ledger.hand_back(started, 0)

    def _begin(self, started: Started) -> asyncio.Future[None]:
        is_over = asyncio.get_running_loop().create_future()
        task = InHand(started, is_over)
        work = asyncio.create_task(self._run(task))
        self.running[work] = task
        work.add_done_callback(self._end)
        return is_over

    def _end(self, work: asyncio.Task[None]) -> None:
        task = self.running.pop(work)
        if not task.is_over.done():
            task.is_over.set_result(None)
        if not work.cancelled() and (error := work.exception()) is not None:
            self._lose(task.started.message.id, error)

    def _lose(self, task_id: str, error: BaseException) -> None:
        # Its lease ends, and it is sent again.
        logger.error("What became of task %s isn't known", task_id, exc_info=error)

    async def _run(self, current: InHand) -> None:
        started = current.started
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
            await self._hand_back(started)
        except Exception as error:
            await self._fail(task, started, error)
        else:
            self.counts.succeeded += 1
            self.is_quick = time.monotonic() - began < QUICK_SECONDS
            # As many may be noted as are run, or they would become ever more.
            if len(self.running) <= 2 * self.settings.task_workers:
                current.is_over.set_result(None)
            await until_noted(lambda: self.ledger.succeed(started), lambda: self.is_ending)

    async def _call(self, task: Task[...], started: Started) -> None:
        message, began = started.message, time.monotonic()
        seconds = task.timeout_seconds or self.settings.task_timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                await task.function(self.state, *message.args, **message.kwargs)
        finally:
            # Of the task alone: a ledger that is away doesn't make it slow.
            spent = time.monotonic() - began
            self.counts.seconds += spent
            TASKS_RUN.labels(task.name).observe(spent)

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
