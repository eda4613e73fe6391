"""What a person at a terminal can do for tasks that nobody tries any more."""

import asyncio
import os
import subprocess
import sys
from typing import Any

import pytest

from app.core.lifespan import State
from app.core.tasks.contract import TaskState
from app.core.tasks.task import task
from app.settings import Settings
from tests.fixtures.server import variables_of
from tests.fixtures.tasks import until_state


@task(max_attempts=1, name="fail_for_the_terminal")
async def fail(_state: State) -> None:
    raise RuntimeError("out of\npaper")


async def run(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "app.dead_letters", *arguments],
        env={**os.environ, **variables_of(settings)},
        capture_output=True,
        text=True,
    )


@pytest.mark.usefixtures("workers_here")
async def test_they_are_listed_and_replayed(state: State, settings: Settings) -> None:
    broker = state["broker"]
    task_id = await broker.enqueue(fail())
    await until_state(broker.ledger, task_id, TaskState.DEAD)

    (line,) = (await run(settings)).stdout.splitlines()
    assert line.startswith(task_id)
    assert line.endswith("fail_for_the_terminal, after 1: RuntimeError: out of paper")

    replayed = await run(settings, "replay", task_id, "nothing")
    assert (replayed.returncode, replayed.stdout) == (1, f"{task_id} is tried again\n")
    assert replayed.stderr == "error: there is no dead letter nothing\n"
    await asyncio.sleep(0.6)
    await until_state(broker.ledger, task_id, TaskState.DEAD)
    assert (await run(settings, "replay", "all")).returncode == 0


async def test_whatever_else_is_said_is_an_error(settings: Settings) -> None:
    wrong: list[Any] = [await run(settings, "reply"), await run(settings, "replay")]

    assert {each.returncode for each in wrong} == {2}
    assert all(each.stderr.startswith("error: ") for each in wrong)
