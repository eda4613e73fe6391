"""`shipway check`: whether a newer version is there, and which platform files were edited."""

from pathlib import Path

from shipway import console, project, rendering, source, upstream, zones


def check(path: Path) -> None:
    """Say how the service stands to its template."""
    service = project.load(path)
    template = source.running()
    origin = upstream.find(service, template)
    console.progress("Comparing with the template")
    target = upstream.newer(origin, service.commit)
    with rendering.as_recorded(service, template) as original:
        edited, deleted = _compare(original, service.path, zones.yours(template.root))
    console.newest(service.commit, target and upstream.named(origin, target))
    console.edits(edited, deleted)


def _compare(original: Path, current: Path, yours: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The platform's files that differ from the original, and those that are gone."""
    edited: list[str] = []
    deleted: list[str] = []
    for name in zones.platform_files(original, yours):
        if not (current / name).is_file():
            deleted.append(name)
        elif (current / name).read_bytes() != (original / name).read_bytes():
            edited.append(name)
    return edited, deleted
