"""A worker that knows the task of the drills, too: `python -m tests.drill`."""

import asyncio
import os
from pathlib import Path

from app.core.lifespan import State, check_resources
from app.core.server.entry import serve
from app.core.tasks.task import task
from app.worker import load_settings

SECONDS = 0.5


@task(name="drill")
async def work(_state: State, path: str, number: int) -> None:
    """Note that it begins, take some time, and note that it is done."""
    note(path, f"begun {number}\n")
    await asyncio.sleep(SECONDS)
    note(path, f"done {number}\n")


def note(path: str, line: str) -> None:
    """Append a line, whole, from any process."""
    file = os.open(Path(path), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, line.encode())
    os.close(file)


if __name__ == "__main__":
    serve("app.worker:worker", load_settings, check_resources)
