"""Child processes: what they inherit, and that none of them outlives the command."""

import os
import shutil
import signal
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from shipway import errors

# They speak of the environment that shipway runs in, which is not the service's.
NOT_INHERITED = frozenset({"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "UV_PROJECT"})
PATIENCE_SECONDS = 5.0


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in NOT_INHERITED}
    return {**kept, **(extra or {})}


def uv() -> str:
    """The uv that runs us (`uv run` says which), or the one of the PATH."""
    found = os.environ.get("UV") or shutil.which("uv")
    if not found:
        raise errors.no_uv()
    return found


def start(
    command: Sequence[str], cwd: Path, extra: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a child in a process group of its own.

    So a Ctrl-C of the terminal reaches the command alone, which passes it on exactly once.
    """
    return subprocess.Popen(
        command, cwd=cwd, env=environment(extra), stdin=subprocess.DEVNULL, process_group=0
    )


def run(command: Sequence[str], cwd: Path) -> int:
    """Run a child to its end; if we are interrupted, it and its children end first."""
    child = start(command, cwd)
    try:
        return child.wait()
    except BaseException:
        stop(child)
        raise


def stop(child: subprocess.Popen[bytes], patience: float | None = PATIENCE_SECONDS) -> None:
    """Ask a child to end, wait for that, and end its whole group when patience does."""
    with suppress(ProcessLookupError):
        child.terminate()
    try:
        with suppress(subprocess.TimeoutExpired):
            child.wait(patience)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def end_in_order() -> None:
    """Let a termination unwind the stack, as Ctrl-C does, so that everything is cleaned up."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminate)


@contextmanager
def undisturbed() -> Generator[None]:
    """Hold back interruptions while something is being put in order."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
