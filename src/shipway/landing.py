"""The directory a new service goes to: prepared aside, put in place whole, or not at all."""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from os import W_OK, X_OK, access
from pathlib import Path

from shipway import errors
from shipway.processes import undisturbed


@dataclass
class Landing:
    """A service on its way from a directory aside to its place."""

    target: Path
    aside: Path
    landed: list[Path] = field(default_factory=list)

    @property
    def stage(self) -> Path:
        """Where the service is prepared. It bears the final name, which Copier reads."""
        return self.aside / self.target.name

    def land(self) -> None:
        """Move the service into place: a rename, since the stage is on the same file system."""
        if self.aside.parent == self.target:
            for child in sorted(self.stage.iterdir()):
                self._move(child, self.target / child.name)
        else:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self._move(self.stage, self.target)
        _remove(self.aside)

    def _move(self, source: Path, place: Path) -> None:
        if place.exists():  # somebody was faster: it is theirs
            raise errors.target_not_empty(self.target)
        with undisturbed():
            source.rename(place)
            self.landed.append(place)

    def keep(self) -> None:
        """From here on, what has landed stays."""
        self.landed.clear()


def check(target: Path) -> None:
    """Refuse a target that is in use or cannot be written."""
    place = _nearest(target)
    if not place.is_dir():
        raise errors.target_is_file(place)
    if place == target and any(target.iterdir()):
        raise errors.target_not_empty(target)
    if not access(place, W_OK | X_OK):
        raise errors.not_writable(place)


def _nearest(path: Path) -> Path:
    """The path itself or its nearest ancestor, whichever exists."""
    return next(place for place in (path, *path.parents) if place.exists())


@contextmanager
def approach(target: Path) -> Generator[Landing]:
    """Prepare a service beside its place (or within, where that exists), on its file system.

    Whatever goes wrong until the end of the block, nothing of it stays: neither what was
    prepared nor what had landed.
    """
    place = _nearest(target)
    with undisturbed():
        landing = Landing(target, _aside(place))
    try:
        yield landing
    except BaseException:
        with undisturbed():
            _remove(landing.aside)
            _take_back(landing, place)
        raise
    with undisturbed():
        _remove(landing.aside)


def _aside(place: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=".shipway-", dir=place))
    except OSError as error:  # where permissions are not all that matters
        raise errors.not_writable(place) from error


def _take_back(landing: Landing, place: Path) -> None:
    for path in landing.landed:
        _remove(path)
    parent = landing.target.parent
    while place not in {landing.target, parent}:
        with suppress(OSError):  # somebody else's by now
            parent.rmdir()
        parent = parent.parent


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
