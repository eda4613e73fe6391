"""A rendered service with the tasks of the benchmark: enqueues them, or runs them."""

import gc
import sys

import uvloop
from app.core.lifespan import State, check_resources, open_state
from app.core.server.entry import serve
from app.core.tasks.task import task
from app.worker import load_settings
from counting import enqueue_async, noop_async, wait_async


@task(name="noop")
async def noop(_state: State, number: int) -> None:
    await noop_async(number)


@task(name="wait")
async def wait(_state: State, number: int) -> None:
    await wait_async(number)


TASKS = {"noop": noop, "wait": wait}


async def enqueue() -> None:
    async with open_state(load_settings()) as state:
        # As its server does before the first request.
        gc.collect()
        gc.freeze()
        broker = state["broker"]
        await enqueue_async(lambda kind, number: broker.enqueue(TASKS[kind](number)))


if __name__ == "__main__":
    if sys.argv[1] == "enqueue":
        uvloop.run(enqueue())
    else:
        serve("app.worker:worker", load_settings, check_resources)
