"""Several processes that serve, and one that watches over them."""

import logging
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing import connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from socket import socket
from threading import Thread
from types import FrameType
from typing import NamedTuple, TypeAlias

from uvicorn.config import STARTUP_FAILURE

from app.core.observability.shared_numbers import SharedNumbers

logger = logging.getLogger(__name__)

# One that ends sooner can't work, and there is no use in hurrying.
SHORT_LIFE_SECONDS = 1.0

Work: TypeAlias = Callable[[list[socket]], None]


def work_under(work: Work, listeners: list[socket]) -> None:
    """Work as long as somebody watches: without him nobody could end it, and it has the port."""
    if (supervisor := parent_process()) is not None:
        Thread(target=end_after, args=(supervisor.sentinel,), daemon=True).start()
    work(listeners)


def end_after(sentinel: int) -> None:
    """Wait until another process has ended, and end well."""
    connection.wait([sentinel])
    signal.raise_signal(signal.SIGTERM)


class Place(NamedTuple):
    """Whose turn it is, and since when."""

    number: int
    began: float


class Supervisor:
    """Starts workers that accept from the same sockets, and another one for each that ended.

    So nobody who asks notices when one ends: the others accept, or the next one does.
    """

    def __init__(self, work: Work, listeners: list[socket], workers: int) -> None:
        self._work = work
        self._listeners = listeners
        self._number = workers
        self._workers: dict[BaseProcess, Place] = {}
        self._numbers = SharedNumbers()
        self._is_ending = False

    def run(self) -> None:
        """Run until SIGTERM or SIGINT, and until all have ended; or until none can start."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        for place in range(self._number):
            self._start(place)
        failed = False
        while self._workers:
            connection.wait([worker.sentinel for worker in self._workers])
            for worker in [each for each in self._workers if not each.is_alive()]:
                worker.join()
                place = self._workers.pop(worker)
                self._numbers.end(place.number)
                if worker.exitcode == STARTUP_FAILURE:
                    failed = True
                    self._end()
                elif not self._is_ending:
                    self._replace(worker, place)
        self._numbers.close()
        if failed:
            sys.exit(STARTUP_FAILURE)

    def _start(self, place: int) -> None:
        self._numbers.give(place)
        # A fork would inherit whatever the check before the start left behind.
        arguments = (self._work, self._listeners)
        worker = get_context("spawn").Process(target=work_under, args=arguments)
        worker.start()
        self._workers[worker] = Place(place, time.monotonic())
        if self._is_ending:
            worker.terminate()

    def _replace(self, worker: BaseProcess, place: Place) -> None:
        if worker.exitcode:
            logger.error("Worker %s ended with %s", worker.pid, worker.exitcode)
        if time.monotonic() - place.began < SHORT_LIFE_SECONDS:
            time.sleep(SHORT_LIFE_SECONDS)
        if not self._is_ending:
            self._start(place.number)

    def _end(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """Pass it on, once. At a terminal, workers hear a second SIGINT by themselves."""
        if self._is_ending:
            return
        self._is_ending = True
        # As long as a socket is open somewhere, it seems to listen.
        for listener in self._listeners:
            listener.close()
        for worker in self._workers:
            worker.terminate()
