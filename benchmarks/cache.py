"""Measure what a response from the cache costs, beside a route that returns bytes."""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, cast

from processes import CLIENT_CPU, SERVER_CPU, execute, fail, free_port, listens, running

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
HITS = HERE / "hits"
LIBRARY = "fastapi-cache2"
NOTHING: Mapping[str, str] = {}


def install_service(cache: str, path: Path) -> Path:
    """Render a service, and make its environment; the Python in that."""
    new = ("uv", "run", "shipway", "new", path, "--no-git", "--no-lock", "--defaults")
    execute(*new, "--set", "database=none", "--set", f"cache={cache}", directory=ROOT)
    execute("uv", "sync", "--no-dev", "--python", sys.executable, directory=path)
    return path / ".venv/bin/python"


def install_library(path: Path) -> Path:
    """Make the environment of the library; the Python in that."""
    path.mkdir()
    execute("uv", "venv", "--python", sys.executable, path / ".venv", directory=path)
    where = ("--python", path / ".venv/bin/python", "-r", HITS / "requirements.txt")
    execute("uv", "pip", "install", *where, directory=path)
    return path / ".venv/bin/python"


class Program:
    """One that measures itself each time it is told to."""

    def __init__(self, process: subprocess.Popen[str], told: IO[str], tells: IO[str]) -> None:
        self._process = process
        self._told = told
        self._tells = tells

    def measure(self) -> Mapping[str, float]:
        """Give the µs per request of each of its routes."""
        print(file=self._told, flush=True)
        return json.loads(self._tells.readline() or fail("a program has ended"))


@contextmanager
def program(python: Path, script: str, name: str, **variables: str) -> Generator[Program]:
    """Start one, on the server's CPU."""
    directory = python.parents[2]
    process = subprocess.Popen(
        ("taskset", "--cpu-list", str(SERVER_CPU), python, HITS / script, name),
        cwd=directory,
        env={**os.environ, "PYTHONPATH": f"{HITS}:{directory}", **variables},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield Program(process, cast("IO[str]", process.stdin), cast("IO[str]", process.stdout))
    finally:
        process.kill()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    redis = shutil.which("redis-server") or shutil.which("valkey-server")
    if redis is None:
        fail("redis-server is missing: install the package redis-server")
    with ExitStack() as stack:
        work = Path(stack.enter_context(TemporaryDirectory(prefix="shipway-bench-")))
        port = free_port()
        server = (redis, "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", work)
        server = (*server, "--loglevel", "warning")
        ready = partial(listens, port)
        stack.enter_context(running(*server, cpu=CLIENT_CPU, directory=work, ready=ready))
        url = {"REDIS_URL": f"redis://127.0.0.1:{port}/0", "CACHE_TIMEOUT_SECONDS": "5"}
        memory = install_service("memory", work / "memory")
        shared = install_service("redis", work / "shared")
        library = install_library(work / "library")
        programs = [
            stack.enter_context(program(python, script, name, **url, **variables))
            for python, script, name, variables in (
                (memory, "service.py", "memory", NOTHING),
                (shared, "service.py", "redis, near copy", NOTHING),
                (shared, "service.py", "redis, no copy", {"CACHE_COPY_SECONDS": "0"}),
                (library, "fastapi_cache2.py", LIBRARY, NOTHING),
            )
        ]
        rounds = [[each.measure() for each in programs] for _ in range(options.rounds + 1)][1:]
    print(f"| hit | CPU µs | × constant | × {LIBRARY} |\n|---|--:|--:|--:|")
    for number in range(len(programs)):
        measures = [run[number] for run in rounds]
        name = [*measures[0]][1]
        cost = statistics.median(each[name] for each in measures)
        ratio = statistics.median(each[name] / each["constant"] for each in measures)
        library_ratio = statistics.median(run[number][name] / run[-1][LIBRARY] for run in rounds)
        print(f"| {name} | {cost:.0f} | {ratio:.2f} | {library_ratio:.2f} |")


if __name__ == "__main__":
    main()
