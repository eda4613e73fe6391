"""`shipway new --start`, with a uv that only pretends: the deep tests start the real service."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from workbench import Template, eventually, free_port, names

# What it is asked goes to a log. `FAIL_ON` names the word it fails on; a server is one that
# answers `/ready` from the second time on, and that takes a moment to end.
PRETENDER = """\
#!{python}
import os, signal, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

words = sys.argv[1:]
if "sync" in words and "--quiet" not in words:
    print(" + fastapi, and many more", file=sys.stderr)
with open(os.environ["UV_LOG"], "a") as log:
    print(os.getpid(), "VIRTUAL_ENV" in os.environ, *words, file=log)
if os.environ.get("FAIL_ON") in words:
    sys.exit(3)
if "app.serve" not in words:
    sys.exit(0)

class Service(BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Service.asked += 1
        self.send_response(200 if Service.asked > 1 else 503)
        self.end_headers()
    def log_message(self, *words):
        pass

def end(*_):
    time.sleep(0.3)
    print("drained", flush=True)
    os._exit(0)

signal.signal(signal.SIGTERM, end)
HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Service).serve_forever()
"""


@pytest.fixture
def pretender(tmp_path: Path) -> dict[str, str]:
    """The variables that put such a uv in the place of the real one."""
    uv = tmp_path / "uv"
    uv.write_text(PRETENDER.format(python=sys.executable))
    uv.chmod(0o755)
    return {"UV": str(uv), "UV_LOG": str(tmp_path / "log"), "VIRTUAL_ENV": "/not/the/services"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the service goes, with nothing else in it."""
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


@pytest.fixture
def port() -> int:
    """A port that nobody uses."""
    return free_port()


def launch(
    lean: Template, place: Path, port: int, extra: dict[str, str], *answers: str
) -> subprocess.Popen[str]:
    flags = ("--defaults", "--start", f"--port={port}", *answers)
    return lean.launch("new", "orders", *flags, cwd=place, extra=extra)


def read_until_ready(child: subprocess.Popen[str]) -> str:
    """Give what a start tells until the service serves."""
    assert child.stdout
    told = ""
    while "/ready" not in told:
        line = child.stdout.readline()
        assert line, child.communicate(timeout=30)
        told += line
    return told


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=1):
            return True
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_started_service_ends_with_the_command(
    lean: Template, place: Path, port: int, pretender: dict[str, str], number: signal.Signals
) -> None:
    child = launch(lean, place, port, pretender)
    told = read_until_ready(child)
    assert re.search(r"^Installed in \d+\.\d s$", told, re.MULTILINE)
    for path in ("/docs", "/health", "/ready"):
        assert f"http://127.0.0.1:{port}{path} " in told
    child.send_signal(number)
    told, said = child.communicate(timeout=30)
    assert child.returncode == 0, said
    assert "fastapi" not in said
    assert told.split() == ["drained", "Stopped"]
    assert not is_ready(port)
    assert names(place) == ["orders"]
    asked = Path(pretender["UV_LOG"]).read_text().splitlines()
    commands = ("lock", "sync --quiet", "run alembic upgrade head", "run python -m app.serve")
    assert [line.split(" ", 1)[1] for line in asked] == [f"False {command}" for command in commands]


def test_without_a_database_nothing_is_migrated(
    lean: Template, place: Path, port: int, pretender: dict[str, str]
) -> None:
    child = launch(lean, place, port, pretender, "--database=none")
    read_until_ready(child)
    child.send_signal(signal.SIGTERM)
    _, said = child.communicate(timeout=30)
    assert child.returncode == 0, said
    assert "Migrating" not in said
    assert "alembic" not in Path(pretender["UV_LOG"]).read_text()


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("sync", "error: `uv sync --quiet` failed with exit code 3"),
        ("alembic", "error: `uv run alembic upgrade head` failed with exit code 3"),
        ("app.serve", "error: the service ended with exit code 3 before it was ready"),
    ],
)
def test_a_start_that_fails_leaves_nothing(
    lean: Template, place: Path, port: int, pretender: dict[str, str], word: str, what: str
) -> None:
    child = launch(lean, place, port, {**pretender, "FAIL_ON": word})
    _, said = child.communicate(timeout=60)
    assert child.returncode == 1
    assert what in said
    assert names(place) == []


def test_a_busy_port_is_told_before_anything_is_written(
    lean: Template, place: Path, pretender: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        busy = int(server.getsockname()[1])
        child = launch(lean, place, busy, pretender)
        _, said = child.communicate(timeout=60)
    assert child.returncode == 1
    assert said.splitlines()[0] == f"error: port {busy} is in use"
    assert "--port" in said.splitlines()[1]
    assert names(place) == []
    assert not Path(pretender["UV_LOG"]).exists()


def test_without_uv_it_says_how_to_get_it(lean: Template, place: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    flags = ("new", "orders", "--defaults", "--start")
    outcome = lean.shipway(*flags, cwd=place, extra={"PATH": str(tmp_path / "bin")})
    assert outcome.returncode == 1
    assert outcome.stderr == "error: `uv` is not installed\nhint: run `pip install uv`\n"
    assert names(place) == []


def test_the_service_dies_with_its_code(
    lean: Template, place: Path, port: int, pretender: dict[str, str]
) -> None:
    child = launch(lean, place, port, pretender)
    eventually(lambda: is_ready(port))
    read_until_ready(child)
    served = Path(pretender["UV_LOG"]).read_text().splitlines()[-1]
    os.kill(int(served.split()[0]), signal.SIGKILL)
    _, said = child.communicate(timeout=30)
    assert child.returncode == 1
    assert "error: the service ended with exit code -9" in said
    assert names(place) == ["orders"]
