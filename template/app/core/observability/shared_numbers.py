"""Where several processes keep the numbers that they count together."""

import os
from tempfile import TemporaryDirectory

from prometheus_client.multiprocess import mark_process_dead

from app.core.observability.metrics import DIRECTORY, PROCESS


class SharedNumbers:
    """A directory with files for each place that a process can take."""

    def __init__(self) -> None:
        self._directory = TemporaryDirectory(prefix="metrics-")

    def give(self, place: int) -> None:
        """Have the process that is started next count there."""
        os.environ[DIRECTORY] = self._directory.name
        os.environ[PROCESS] = str(place)

    def end(self, place: int) -> None:
        """Forget what there was as long as the process lived; what it counted stays."""
        mark_process_dead(place, self._directory.name)

    def close(self) -> None:
        """Forget everything."""
        self._directory.cleanup()
