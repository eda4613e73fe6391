"""Writes lines in a thread of its own: a terminal or a pipe that is slow holds up no request."""

import logging
from collections import deque
from contextlib import suppress
from threading import Event, Thread
from typing import TextIO

# As many lines may wait. Who writes more than is read has to lose some, or would run out of memory.
MOST_LINES = 20_000
# How long a line waits for others, unless it warns. A thread that woke for each would contend with
# the event loop for the lock of the interpreter, which costs a request more than its line does.
PAUSE_SECONDS = 0.5
# How long the end waits for lines that nobody reads.
FLUSH_SECONDS = 5


class LineWriter(logging.Handler):
    """Takes lines, and has them written."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        # Lines, those who wait for them to be written, and the end.
        self._lines: deque[str | Event | None] = deque()
        self._lost = 0
        self._some = Event()
        self._hurry = Event()
        self._thread: Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line. What it says is settled here, in the context that it belongs to."""
        if len(self._lines) >= MOST_LINES:
            self._lost += 1
            return
        try:
            line = self.format(record)
        except Exception:
            self.handleError(record)
            return
        if self._lost:
            line = f"{self._lost} lines were lost: nobody read as fast as they came\n{line}"
            self._lost = 0
        if self._thread is None:
            self._thread = Thread(target=self._write, name="log", daemon=True)
            self._thread.start()
        self._put(line)
        if record.levelno >= logging.WARNING:
            self._hurry.set()

    def flush(self) -> None:
        """Wait until everything is written."""
        if self._thread is not None:
            written = Event()
            self._put(written)
            self._hurry.set()
            written.wait(FLUSH_SECONDS)

    def close(self) -> None:
        """Write what is left, and end the thread."""
        self.flush()
        if self._thread is not None:
            self._put(None)
            self._hurry.set()
            self._thread = None
        super().close()

    def _put(self, line: str | Event | None) -> None:
        self._lines.append(line)
        if not self._some.is_set():
            self._some.set()

    def _write(self) -> None:
        while True:
            self._some.wait()
            self._some.clear()
            while self._lines:
                self._hurry.wait(PAUSE_SECONDS)
                self._hurry.clear()
                if self._write_all():
                    return

    def _write_all(self) -> bool:
        """Write what is there; tell whether it was the last."""
        taken = [self._lines.popleft() for _ in range(len(self._lines))]
        # Nobody can be told that nothing can be written.
        with suppress(OSError, ValueError):
            self._stream.write("".join(f"{line}\n" for line in taken if isinstance(line, str)))
            self._stream.flush()
        for event in taken:
            if isinstance(event, Event):
                event.set()
        return None in taken
