"""Carries tasks with Celery: it knows one task, to which it hands ids."""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext, suppress
from functools import partial
from typing import Any

from celery import Celery
from celery.concurrency.thread import TaskPool
from celery.exceptions import WorkerShutdown
from celery.worker.consumer import Consumer
from kombu.asynchronous import set_event_loop

from app.core.tasks.contract import Handler
from app.core.tasks.hand_over import HandOver
from app.core.tasks.threads import SendingThread

logger = logging.getLogger(__name__)

# After a failure nobody tries to receive for so long, and nothing is waited for longer.
AWAY_SECONDS = 1


class LastingConsumer(Consumer):
    """The library's own, which doesn't come back from every failure, or late."""

    # Part of it sets that.
    task_consumer: Any

    def __init__(self, ended: threading.Event, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ended = ended

    def ensure_connected(self, conn: Any) -> Any:
        """Connect. The library would wait longer with each failure, up to half a minute."""
        self.check()
        return conn.ensure_connection(
            self._tell,
            interval_start=AWAY_SECONDS,
            interval_step=0,
            interval_max=AWAY_SECONDS,
            callback=self.check,
        )

    def call_soon_ack(self, p: Any, *_args: Any, **_kwargs: Any) -> Any:
        """Acknowledge what is done.

        If that fails, the library goes on, and with some brokers then takes nothing any more:
        it counts what wasn't acknowledged. So it is to connect anew.
        """
        return super().call_soon_ack(self._acknowledge, p.__self__)

    def check(self) -> None:
        """Have the worker stop, if it is to."""
        if self._ended.is_set():
            raise WorkerShutdown(0)

    def _acknowledge(self, message: Any) -> None:
        # What came through a connection that is gone, or isn't acknowledged at the end, comes
        # again, and is found done.
        if message.channel is self.task_consumer.channel:
            with suppress(Exception) if self._ended.is_set() else nullcontext():
                message.ack()

    def _tell(self, error: Exception, _seconds: float) -> None:
        logger.warning("No tasks can be received: %r", error)


class AppThreads(TaskPool):
    """The library's own threads, which look for the task in the app of whoever came first."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app: Any = self.app
        self.executor = ThreadPoolExecutor(self.limit, "task", initializer=app.set_current)


class CeleryTransport:
    """An app of Celery. It is connected when somebody needs it: the broker may be away before."""

    def __init__(
        self, url: str, queue_name: str, workers: int, options: Mapping[str, object]
    ) -> None:
        self._app: Any = Celery("tasks", broker=url, set_as_current=False)
        self._app.conf.update(
            broker_connection_timeout=AWAY_SECONDS,
            broker_transport_options=dict(options),
            task_default_queue=queue_name,
            # What becomes of a task is known elsewhere.
            task_ignore_result=True,
            # Who sends has no time for another try.
            task_publish_retry=False,
            # A worker has no more ids than it has threads: with an early acknowledgement it would
            # have twice as many, which would wait here while others have time.
            task_acks_late=True,
            worker_prefetch_multiplier=1,
            # Nor has it fewer after a failure.
            worker_enable_prefetch_count_reduction=False,
            # Nobody tells workers what to do.
            worker_enable_remote_control=False,
        )
        self._workers = workers

        # The library takes the first argument of a method for the task.
        def run(task_id: str) -> None:
            self._run(task_id)

        # Nor is it one of every other app.
        self._task: Any = self._app.task(name="run", shared=False)(run)
        self._sender = SendingThread()
        self._connection: Any = None
        self._worker: Any = None
        self._hand_over: HandOver | None = None
        # It tells of each task, twice.
        logging.getLogger("celery").setLevel(logging.WARNING)

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
            if self._worker is not None:
                # It may be waiting for something to come.
                self._worker.hub.call_soon(self._worker.consumer.check)
            await asyncio.to_thread(receiver.join)

    async def ping(self) -> None:
        """Connect, or raise what stands in the way."""
        await self._sender.run(self._connect)

    async def shutdown(self) -> None:
        """Close what was opened, where it was opened."""
        await self._sender.end(self._disconnect)
        self._app.close()

    def _connect(self) -> Any:
        if self._connection is None:
            connection = self._app.connection_for_write()
            connection.ensure_connection(max_retries=0)
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # It is let go because it failed, or at the end: nobody has use for another failure.
            with suppress(Exception):
                connection.release()

    def _send(self, ids: Sequence[str]) -> None:
        producer = self._app.amqp.Producer(self._connect())
        try:
            for task_id in ids:
                self._task.apply_async((task_id,), producer=producer)
        except Exception:
            self._disconnect()
            raise

    def _receive(self, ended: threading.Event) -> None:
        while not ended.is_set():
            try:
                # It keeps one for the process, which may be closed.
                set_event_loop(None)
                self._worker = self._app.WorkController(
                    pool=AppThreads,
                    concurrency=self._workers,
                    consumer_cls=partial(LastingConsumer, ended),
                    # Workers don't ask for one another.
                    without_gossip=True,
                    without_mingle=True,
                    without_heartbeat=True,
                )
                self._worker.start()
            except WorkerShutdown:
                # It was to stop before it had begun.
                pass
            except Exception as error:
                logger.warning("No tasks can be received: %r", error)
            if self._worker is not None:
                # It may have failed at that when its connection was lost.
                with suppress(Exception):
                    self._worker.hub.close()
            ended.wait(AWAY_SECONDS)

    def _run(self, task_id: str) -> None:
        if self._hand_over is not None:
            self._hand_over(task_id)
