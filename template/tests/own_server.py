"""Servers of the tests' own, which a test may stop."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import pytest

from tests.ports import free_port


class OwnServer:
    """A server on a port of this machine, for as long as a block lasts."""

    # The first one that there is; and where to look for it before anywhere else.
    programs: ClassVar[Sequence[str]]
    place: ClassVar[str] = ""
    patience_seconds: ClassVar[float] = 10

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def options(self) -> Sequence[str]:
        """Say how it is started."""
        return ()

    def variables(self) -> Mapping[str, str]:
        """Say in what environment, beside that of the tests."""
        return {}

    def is_up(self) -> bool:
        """Tell whether it answers."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = self.find_program()
        self._process = subprocess.Popen(
            [program, *self.options()],
            env={**os.environ, **self.variables()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # What it starts itself ends with it.
            start_new_session=True,
        )
        deadline = time.monotonic() + self.patience_seconds
        while time.monotonic() < deadline:
            if self.is_up():
                return
            time.sleep(0.02)
        raise TimeoutError(f"{program} doesn't answer")

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it, and to what it started."""
        assert self._process is not None
        os.killpg(self._process.pid, number)

    @classmethod
    def find_program(cls) -> str:
        """Find it, or skip the test."""
        for program in cls.programs:
            if found := shutil.which(program, path=cls.place) or shutil.which(program):
                return found
        pytest.skip(f"There is no `{'` or `'.join(cls.programs)}` on this machine.")

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, if that isn't done yet."""
        self.stop()


def says(port: int, greeting: bytes = b"") -> bytes:
    """Connect, and give the first word of the answer; nothing if there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(greeting)
            return connection.recv(4)
    except OSError:
        return b""
