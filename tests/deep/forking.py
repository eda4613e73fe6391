"""Runs pytest in one child after the other, of a process that has imported what takes long.

A script for the interpreter of a service: it reads an order per line, and answers with a line, the
exit code or `late`. The service itself isn't imported: each child has another one.
"""

import gc
import importlib
import json
import os
import signal
import sys
import time
from contextlib import suppress

import pytest

SLOW_TO_IMPORT = (
    "aiohttp",
    "aiosqlite",
    "alembic.command",
    "anyio",
    "asyncpg",
    "brotli",
    "dotenv",
    "fastapi",
    "httpx2",
    "hypothesis",
    "prometheus_client",
    "psutil",
    "pydantic_settings",
    "redis.asyncio",
    "schemathesis",
    "sqlalchemy.ext.asyncio",
    "taskiq",
    "uvicorn",
    "zstandard",
)
# They were imported before pytest could look at their assertions.
QUIETLY = ("-W", "ignore::pytest.PytestAssertRewriteWarning")


def follow(order: dict[str, str | float | list[str]]) -> None:
    """Become the child that an order asks for."""
    os.setsid()
    os.chdir(str(order["path"]))
    output = os.open(str(order["output"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    # The directory of this script.
    del sys.path[0]
    sys.exit(pytest.main([*QUIETLY, *map(str, order["arguments"])]))  # type: ignore[arg-type]


def outcome(child: int, seconds: float) -> str:
    """Wait for a child, but not for ever."""
    deadline = time.monotonic() + seconds
    ended = status = 0
    while not ended and time.monotonic() < deadline:
        time.sleep(0.02)
        ended, status = os.waitpid(child, os.WNOHANG)
    # What it started, too: who should have ended that may be what was broken.
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if ended:
        return str(os.waitstatus_to_exitcode(status))
    os.waitpid(child, 0)
    return "late"


if __name__ == "__main__":
    for name in SLOW_TO_IMPORT:
        with suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            follow(order)
        print(outcome(child, order["seconds"]), flush=True)  # noqa: T201 - whoever ordered reads it
