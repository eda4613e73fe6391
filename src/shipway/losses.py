"""What Copier gives up without a word when it changes a service."""

from dataclasses import dataclass
from pathlib import Path

from shipway import git, project, rendering, source, zones
from shipway.project import Project
from shipway.source import Source


@dataclass(frozen=True)
class Losses:
    edits: list[str]
    """Files that are gone and that the owner had edited."""
    news: list[tuple[str, str, str]]
    """Files that the template changed and the owner had removed; git's names of both contents."""


def find(before: Project) -> Losses:
    """Compare a service that has just been changed with what it was rendered from."""
    running = source.running()
    with rendering.as_recorded(before, running) as original:
        return Losses(_edits(before.path, original), _news(before.path, original, running))


def _edits(path: Path, original: Path) -> list[str]:
    return [
        name
        for name in git.vanished(path)
        if (original / name).is_file()
        and (original / name).read_bytes() != git.committed(path, name)
    ]


def _news(path: Path, original: Path, running: Source) -> list[tuple[str, str, str]]:
    """Nothing in the service holds the new contents of these, so git's objects are to."""
    platform = zones.platform_files(original, zones.yours(running.root))
    missing = [name for name in platform if not (path / name).is_file()]
    if not missing:
        return []
    with rendering.as_recorded(project.load(path), running) as renewed:
        both = [
            (name, (original / name).read_bytes(), (renewed / name).read_bytes())
            for name in missing
            if (renewed / name).is_file()
        ]
    return [
        (name, git.stored(path, old), git.stored(path, new))
        for name, old, new in both
        if old != new
    ]
