"""Writes lines in a thread of its own: a terminal or a pipe that is slow holds up no request."""

import logging
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TextIO

# As many lines may wait. Who writes more than is read has to lose some, or would run out of memory.
MOST_LINES = 20_000
# Written at once.
BATCH = 500
# How long the end waits for lines that nobody reads.
FLUSH_SECONDS = 5


class LineWriter(logging.Handler):
    """Takes lines, and has them written."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: SimpleQueue[str | Event] = SimpleQueue()
        self._lost = 0
        self._thread: Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line. What it says is settled here, in the context that it belongs to."""
        if self._lines.qsize() >= MOST_LINES:
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
        self._lines.put(line)

    def flush(self) -> None:
        """Wait until everything is written."""
        if self._thread is not None:
            written = Event()
            self._lines.put(written)
            written.wait(FLUSH_SECONDS)

    def close(self) -> None:
        """Write what is left."""
        self.flush()
        super().close()

    def _write(self) -> None:
        while True:
            taken: list[str | Event] = [self._lines.get()]
            with suppress(Empty):
                while len(taken) < BATCH:
                    taken.append(self._lines.get_nowait())
            lines = [f"{line}\n" for line in taken if isinstance(line, str)]
            # Nobody can be told that nothing can be written.
            with suppress(OSError, ValueError):
                self._stream.write("".join(lines))
                self._stream.flush()
            for event in taken:
                if isinstance(event, Event):
                    event.set()
