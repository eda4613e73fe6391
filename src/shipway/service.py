"""`shipway new --start`: install, migrate and run the new service in the foreground."""

import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from shipway import console, errors, processes

HOST = "127.0.0.1"
DEFAULT_PORT = 8000
PORTS = range(1, 65536)
READY_WITHIN_SECONDS = 60.0
POLL_SECONDS = 0.1


def require_free(port: int) -> None:
    """Refuse a port that the service could not listen on."""
    if port not in PORTS:
        raise errors.port_out_of_range(port)
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still closing counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError as error:
            raise errors.port_forbidden(port, "permission denied") from error
        except OSError as error:
            raise errors.port_busy(port) from error


def install(path: Path) -> None:
    """Install what the service needs, and bring its database up to date if it has one."""
    console.progress("Installing")
    began = time.monotonic()
    _run(path, "sync", "--quiet")  # it would list every package; errors it tells all the same
    console.installed(time.monotonic() - began)
    if (path / "alembic.ini").exists():
        console.progress("Migrating")
        _run(path, "run", "alembic", "upgrade", "head")


def _run(path: Path, *arguments: str) -> None:
    code = processes.run([processes.uv(), *arguments], path)
    if code:
        raise errors.step_failed(["uv", *arguments], code)


def serve(path: Path, port: int, on_ready: Callable[[], None]) -> None:
    """Run the service until it is told to stop, and let it end what it is doing."""
    console.progress("Starting")
    command = [processes.uv(), "run", "python", "-m", "app.serve"]
    # On this machine alone, so whoever asks may see how it is.
    variables = {"ENVIRONMENT": "development", "HOST": HOST, "PORT": str(port)}
    child = processes.start(command, path, variables)
    try:
        _await_ready(child, port)
        try:
            on_ready()
            console.running(port)
            code = child.wait()
        except (KeyboardInterrupt, SystemExit):
            # A second Ctrl-C does not wait for the end any longer.
            with suppress(KeyboardInterrupt, SystemExit):
                processes.stop(child, patience=None)
            console.stopped()
            return
    finally:
        processes.stop(child)
    if code:
        raise errors.service_ended(code)


def _await_ready(child: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while not _is_ready(port):
        code = child.poll()
        if code is not None:
            raise errors.service_died(code)
        if time.monotonic() > deadline:
            raise errors.service_late(READY_WITHIN_SECONDS)
        time.sleep(POLL_SECONDS)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/ready", timeout=1):
            return True
    except OSError:
        return False
