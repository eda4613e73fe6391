"""What is the same for the service and the libraries: the tasks' work, and how it is measured."""

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

IO_SECONDS = 0.005
WARM_SECONDS = 0.2

Send = Callable[[str, int], object]
AsyncSend = Callable[[str, int], Awaitable[object]]


class Counting:
    """Notes what a worker used from the first tenth of the tasks on to the last one."""

    def __init__(self) -> None:
        self._left = self._measured = int(os.environ.get("BENCH_TASKS", "0"))
        self._skipped = self._left // 10
        self._lock = threading.Lock()
        self._began = (0.0, 0.0)

    def count(self) -> None:
        """Note that a task was run."""
        with self._lock:
            self._left -= 1
            left = self._left
        if left == self._measured - self._skipped:
            self._began = moment()
        if left == 0:
            report(self._began, self._measured - self._skipped)


counting = Counting()


def moment() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def report(began: tuple[float, float], tasks: int) -> None:
    """Tell what was used since then, by task."""
    wall, cpu = (now - then for now, then in zip(moment(), began, strict=True))
    text = json.dumps({"seconds": wall / tasks, "cpu": cpu / tasks})
    path = Path(os.environ["BENCH_RESULT"])
    path.with_suffix(".part").write_text(text)
    path.with_suffix(".part").rename(path)


def noop(_number: int) -> None:
    counting.count()


def wait(_number: int) -> None:
    """Do as much as a small query or call."""
    time.sleep(IO_SECONDS)
    counting.count()


async def noop_async(_number: int) -> None:
    counting.count()


async def wait_async(_number: int) -> None:
    """Do as much as a small query or call."""
    await asyncio.sleep(IO_SECONDS)
    counting.count()


def asked() -> tuple[str, int, int]:
    """Read from the command line: which task, how often, and how many at once."""
    kind, tasks, at_once = sys.argv[2:]
    return kind, int(tasks), int(at_once)


async def enqueue_async(send: AsyncSend) -> None:
    """Enqueue as concurrent requests do."""
    kind, tasks, at_once = asked()

    async def enqueue(some: int) -> None:
        for number in range(some):
            await send(kind, number)

    await enqueue(10)
    # What is opened for those that are sent, or when they are, is open then.
    await asyncio.sleep(WARM_SECONDS)
    began = moment()
    await asyncio.gather(*(enqueue((tasks - 10) // at_once) for _ in range(at_once)))
    report(began, tasks - 10)


def enqueue(send: Send) -> None:
    """Enqueue as concurrent requests do, where they are threads."""
    kind, tasks, at_once = asked()

    def enqueue_some(some: int) -> None:
        for number in range(some):
            send(kind, number)

    enqueue_some(10)
    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(enqueue_some, [1] * at_once))
        time.sleep(WARM_SECONDS)
        began = moment()
        list(threads.map(enqueue_some, [(tasks - 10) // at_once - 1] * at_once))
        report(began, tasks - 10 - at_once)
