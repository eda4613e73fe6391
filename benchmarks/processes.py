"""Processes: each on a CPU of its own, its time read from /proc, ended by its id."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

# The server has a CPU to itself; the client and PostgreSQL share the other.
CLIENT_CPU, SERVER_CPU = (sorted(os.sched_getaffinity(0)) * 2)[:2]

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def fail(message: str) -> NoReturn:
    sys.exit(f"error: {message}")


def execute(*command: str | Path, directory: Path, **variables: str) -> None:
    """Run a step of the preparation; what it says matters when it fails."""
    environment = {**os.environ, "VIRTUAL_ENV": "", **variables}
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        fail(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


def free_port() -> str:
    for port in range(18300, 18400):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return str(port)
    fail("no port is free from 18300 to 18399")


def listens(port: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", int(port)), timeout=1):
            return True
    except OSError:
        return False


def cpu_seconds(pid: int) -> float:
    """Add up what a process and its descendants used, those that have ended included."""
    pids, ticks = [pid], 0
    for each in pids:
        with suppress(OSError):
            process = Path(f"/proc/{each}")
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(field) for field in fields[11:15])
            for task in (process / "task").iterdir():
                pids += [int(child) for child in (task / "children").read_text().split()]
    return ticks / TICKS_PER_SECOND


def settled_cpu_seconds(pid: int) -> float:
    """Wait until nothing is used."""
    used, before = cpu_seconds(pid), -1.0
    while used - before > 1 / TICKS_PER_SECOND:
        time.sleep(0.2)
        used, before = cpu_seconds(pid), used
    return used


@contextmanager
def running(
    *command: str | Path, cpu: int, directory: Path, ready: Callable[[], bool], **variables: str
) -> Generator[int]:
    """Run a command on a CPU for as long as it is needed; its id, once it is ready."""
    process = subprocess.Popen(
        ["taskset", "--cpu-list", str(cpu), *command],
        cwd=directory,
        env={**os.environ, **variables},
        stdout=sys.stderr,
    )
    try:
        for _ in range(600):
            if process.poll() is not None:
                fail(f"{command[0]} has ended")
            if ready():
                break
            time.sleep(0.05)
        else:
            fail(f"{command[0]} is not ready")
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
