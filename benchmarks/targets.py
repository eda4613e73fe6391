"""What is measured: the yardsticks, and a service rendered for the occasion."""

import os
import socket
import sys
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from postgres import Postgres
from processes import SERVER_CPU, execute, free_port, running
from workloads import SERVICE_PATHS, YARDSTICK_PATHS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
OTHERS = Path(os.environ.get("FLOOR_DIR", ROOT.parent / "shared/bench/floor")).resolve()

YARDSTICKS = {
    "floor": (HERE / "floor", "raw"),
    "naive": (HERE / "floor", "naive"),
    # Those of another kit, to compare ours with.
    "f1": (OTHERS, "f1_raw_asgi"),
    "f2": (OTHERS, "f2_naive_fastapi"),
}
UVICORN = ("--loop=uvloop", "--http=httptools", "--no-access-log", "--log-level=warning")
ANSWERS = ("--defaults", "--set", "database=postgresql", "--set", "cache=none")


@dataclass(frozen=True)
class Target:
    """An app that runs, with its data in a database of its name."""

    name: str
    paths: Mapping[str, str]
    url: str
    pid: int


@contextmanager
def serving(name: str, work: Path, postgres: Postgres) -> Generator[Target]:
    """Install an app, and run it on the server's CPU."""
    port = free_port()
    if name in YARDSTICKS:
        source, module = YARDSTICKS[name]
        database_url = install_yardstick(name, source, work / name, postgres)
        command = (work / name / "bin/uvicorn", f"{module}:app", f"--port={port}", *UVICORN)
    else:
        source = work / name
        database_url = install_service(name, source, postgres)
        command = (source / ".venv/bin/python", "-m", "app.serve")
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5) as response:  # noqa: S310 - our own
                return response.status == HTTPStatus.OK
        except OSError:
            return False

    # One of the others connects to a Redis when it starts; nothing is asked of that.
    with socket.create_server(("127.0.0.1", 0)) as redis:
        variables = {"HOST": "127.0.0.1", "PORT": port, "LOG_LEVEL": "WARNING"}
        variables |= {"DATABASE_URL": database_url, "BENCH_PG_DSN": database_url}
        variables |= {"BENCH_REDIS_PORT": str(redis.getsockname()[1])}
        with running(*command, cpu=SERVER_CPU, directory=source, ready=ready, **variables) as pid:
            paths = YARDSTICK_PATHS if name in YARDSTICKS else SERVICE_PATHS
            yield Target(name, paths, url, pid)


def install_yardstick(name: str, source: Path, environment: Path, postgres: Postgres) -> str:
    """Make its environment and its database; the URL of that."""
    execute("uv", "venv", "--python", sys.executable, environment, directory=source)
    where = ("--python", environment / "bin/python")
    execute("uv", "pip", "install", *where, "-r", "requirements.txt", directory=source)
    url = postgres.create(name)
    postgres.run(name, "-f", source / "schema.sql")
    return url


def install_service(name: str, source: Path, postgres: Postgres) -> str:
    """Render it, make its environment and its database; the URL of that."""
    new = ("uv", "run", "shipway", "new", source, "--no-git", "--no-lock")
    execute(*new, *ANSWERS, directory=ROOT)
    execute("uv", "sync", "--no-dev", "--python", sys.executable, directory=source)
    url = postgres.create(name).replace("postgresql:", "postgresql+asyncpg:")
    execute(source / ".venv/bin/alembic", "upgrade", "head", directory=source, DATABASE_URL=url)
    postgres.run(name, "-f", HERE / "data.sql")
    return url
