"""A service as it was rendered: from the version and the answers that it records."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from shipway import carried, scaffold, upstream
from shipway.project import Project
from shipway.source import Source


@contextmanager
def as_recorded(service: Project, running: Source) -> Generator[Path]:
    """The service without anything its owner did, in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="shipway-") as aside:
        original = Path(aside) / service.path.name
        if carried.holds(running, service):
            scaffold.render(running.root, original, service.answers, ref=None)
        else:
            origin = upstream.find(service, running)
            scaffold.render(origin.location, original, service.answers, ref=service.commit)
        yield original
