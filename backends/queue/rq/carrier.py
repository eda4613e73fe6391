"""Carries tasks with RQ: each of its jobs is an id."""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from redis import Redis
from rq import Queue, SimpleWorker
from rq.exceptions import DequeueTimeout
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty

from app.core.tasks.contract import Handler
from app.core.tasks.hand_over import HandOver
from app.core.tasks.threads import SendingThread

logger = logging.getLogger(__name__)

# After a failure nobody tries to receive for so long, and nothing is waited for longer.
AWAY_SECONDS = 1
# A worker looks so often whether it has time for a task, or is to end.
IDLE_SECONDS = 0.1
# What was in hand when a worker died is kept so long, for those who look for it.
KEPT_SECONDS = 3600


class NoLimit(BaseDeathPenalty):
    """A task has a limit of its own. The library's is a signal, which threads don't get."""

    def setup_death_penalty(self) -> None:
        """Do nothing."""

    def cancel_death_penalty(self) -> None:
        """Do nothing."""


class IdJob(Job):
    """A job without a function of its own."""

    run: Callable[[str], None]

    def perform(self) -> None:
        """Hand over the id."""
        self.run(self.args[0])


class ThreadsWorker(SimpleWorker):
    """A worker that runs jobs in threads, and is one itself: it handles no signals."""

    death_penalty_class = NoLimit

    def __init__(
        self,
        queue: Queue,
        run: Callable[[str], None],
        threads: ThreadPoolExecutor,
        free: threading.Semaphore,
        ended: threading.Event,
    ) -> None:
        super().__init__([queue], connection=queue.connection, serializer=JSONSerializer)
        self._run = run
        self._threads = threads
        self._free = free
        self._ended = ended

    @property
    def connection_timeout(self) -> int:
        """How long an answer may take: the library would wait for minutes."""
        return 2 * AWAY_SECONDS

    def bootstrap(self, *_args: Any, **_kwargs: Any) -> None:
        """Become known. The library would also set up logging, and listen to commands."""
        self.register_birth()

    def dequeue_job_and_maintain_ttl(self, *_args: Any, **_kwargs: Any) -> tuple[Job, Queue] | None:
        """Give what comes, as soon as there is somebody to do it; nothing at the end."""
        while not self._ended.is_set():
            if self._free.acquire(timeout=IDLE_SECONDS):
                taken = None
                try:
                    taken = self._take()
                finally:
                    if taken is None:
                        self._free.release()
                if taken is not None:
                    return taken
        return None

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Have a thread do it."""
        self._threads.submit(self._perform, job, queue)

    def _install_signal_handlers(self) -> None:
        """Leave them alone."""

    def _take(self) -> tuple[Job, Queue] | None:
        try:
            taken = Queue.dequeue_any(
                self.queues,
                AWAY_SECONDS,
                connection=self.connection,
                job_class=IdJob,
                serializer=JSONSerializer,
                death_penalty_class=NoLimit,
            )
        except DequeueTimeout:
            self.heartbeat()
            return None
        if taken is not None and self._ended.is_set():
            job, queue = taken
            self.connection.lrem(queue.intermediate_queue_key, 1, job.id)
            queue.push_job_id(job.id, at_front=True)
            return None
        return taken

    def _perform(self, job: Job, queue: Queue) -> None:
        if isinstance(job, IdJob):
            job.run = self._run
        try:
            super().execute_job(job, queue)
        except Exception as error:
            # What became of it is known elsewhere, and if it wasn't begun it is sent again.
            logger.debug("A task isn't noted as done: %r", error)
        finally:
            self._free.release()


class RqTransport:
    """A queue of RQ. It is connected when somebody needs it: Redis may be away before that."""

    def __init__(self, connect: Callable[[], Redis], queue_name: str, workers: int) -> None:
        self._connect = connect
        self._queue_name = queue_name
        self._workers = workers
        self._queue = self._open_queue()
        self._sender = SendingThread()
        self._hand_over: HandOver | None = None
        # It tells of each task, several times, and of each failure, with a traceback.
        logging.getLogger("rq").setLevel(logging.CRITICAL)
        logging.getLogger("rq.worker").setLevel(logging.CRITICAL)

    async def send(self, ids: Sequence[str]) -> None:
        """Have each of them come to some worker."""
        await self._sender.run(self._send, ids)

    @asynccontextmanager
    async def receiving(self, handle: Handler) -> AsyncGenerator[None]:
        """Hand over what comes until the block ends, and wait for what was handed over."""
        self._hand_over = HandOver(handle)
        ended = threading.Event()
        receiver = threading.Thread(target=self._receive, args=[ended], name="receive")
        receiver.start()
        try:
            yield
        finally:
            ended.set()
            await asyncio.to_thread(receiver.join)

    async def ping(self) -> None:
        """Raise what stands in the way of sending."""
        await self._sender.run(self._queue.connection.ping)

    async def shutdown(self) -> None:
        """Close what was opened."""
        await self._sender.end(self._queue.connection.close)

    def _open_queue(self) -> Queue:
        return Queue(
            self._queue_name,
            connection=self._connect(),
            job_class=IdJob,
            # The library's own is `pickle`.
            serializer=JSONSerializer,
        )

    def _send(self, ids: Sequence[str]) -> None:
        # No limit of time, and nothing is kept of what is done.
        self._queue.enqueue_many(
            [
                Queue.prepare_data(
                    "run", (task_id,), timeout=-1, result_ttl=0, failure_ttl=KEPT_SECONDS
                )
                for task_id in ids
            ]
        )

    def _receive(self, ended: threading.Event) -> None:
        queue = self._open_queue()
        free = threading.Semaphore(self._workers)
        # It outlives a worker, which ends whenever Redis is away.
        with ThreadPoolExecutor(self._workers, "task") as threads:
            while not ended.is_set():
                try:
                    ThreadsWorker(queue, self._run, threads, free, ended).work()
                except Exception as error:
                    logger.warning("No tasks can be received: %r", error)
                ended.wait(AWAY_SECONDS)
        queue.connection.close()

    def _run(self, task_id: str) -> None:
        if self._hand_over is not None:
            self._hand_over(task_id)
