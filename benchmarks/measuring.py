"""One run against one target: what its requests took, and what they cost."""

import itertools
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import IO

from postgres import Postgres
from processes import CLIENT_CPU, SERVER_CPU, cpu_seconds, fail, settled_cpu_seconds
from targets import Target
from workloads import POSTS, WORKLOADS, fill, script

CONNECTIONS = 32
TIDY_UP = ("-c", f"DELETE FROM posts WHERE id > {POSTS}", "-c", "VACUUM ANALYZE posts")  # noqa: S608 - a constant
COPY = "COPY (SELECT id, author_id, title, body, created_at FROM posts ORDER BY id) TO STDOUT CSV"

# By the name that the report gives it; ratios are made of the first.
Measures = dict[str, float]

runs = itertools.count(1)  # no title is sent twice


def check(target: Target, asked: str) -> None:
    """Ask once, and look at the answer: a wrong one may be a fast one."""
    workload = WORKLOADS[asked]
    places = {"post": "4711", "author": "42", "unique": f"{next(runs)}"}
    request = urllib.request.Request(  # noqa: S310 - our own server
        target.url + fill(target.paths[asked], places),
        method=workload.method,
        data=fill(workload.body, places).encode() or None,
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - the same
        answer = response.read()
    if not workload.is_sound(answer):
        fail(f"{target.name} answers to {asked}: {answer[:300]}")


def measure(target: Target, asked: str, seconds: int, postgres: Postgres) -> Measures:
    """Send requests of a kind for a while, and wait for tasks that they leave behind."""
    with tempfile.TemporaryDirectory() as directory:
        lua = Path(directory, "requests.lua")
        lua.write_text(script(WORKLOADS[asked], target.paths[asked], next(runs)))
        wrk = ("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", lua, target.url)
        pids = (target.pid, postgres.pid or 0)
        before = [cpu_seconds(pid) for pid in pids]
        said = subprocess.check_output(["taskset", "-c", str(CLIENT_CPU), *wrk], text=True)
    cpu, postgres_cpu = (
        settled_cpu_seconds(pid) - then for pid, then in zip(pids, before, strict=True)
    )
    if asked == "insert":
        postgres.run(target.name, *TIDY_UP)
    requests, duration, failed, p50, p99 = map(int, said.rpartition("done ")[2].split())
    return {
        "CPU µs": cpu / requests * 1e6,
        "PostgreSQL CPU µs": postgres_cpu / requests * 1e6,
        "requests/s": requests / duration * 1e6,
        "p50 ms": p50 / 1000,
        "p99 ms": p99 / 1000,
        "failed": failed,
    }


def measure_export(target: Target) -> Measures:
    """Read all posts over HTTP."""
    before, start = cpu_seconds(target.pid), time.perf_counter()
    with urllib.request.urlopen(target.url + target.paths["export"]) as response:  # noqa: S310 - our own
        measures = drain(response, start)
    return {**measures, "CPU s": cpu_seconds(target.pid) - before}


def measure_copy(postgres: Postgres, database: str) -> Measures:
    """Read all posts through psql: as PostgreSQL gives them away by itself."""
    psql = ("psql", "-X", "-d", f"{postgres.url}/{database}", "-c", COPY)
    command, start = ["taskset", "-c", str(SERVER_CPU), *psql], time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        measures = drain(process.stdout, start) if process.stdout else {}
        return {**measures, "CPU s": cpu_seconds(process.pid)}


def drain(stream: IO[bytes], start: float) -> Measures:
    """Read to the end, and take the times."""
    size = len(stream.read(1))
    first_byte = time.perf_counter() - start
    while data := stream.read(1 << 16):
        size += len(data)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "first byte ms": first_byte * 1000, "MB": size / 1e6}
