"""The template that a service was rendered from, and the version to go to."""

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from shipway import git, refusals
from shipway.project import Project
from shipway.source import Source

REMOTE = re.compile(r"^(?:[a-z+]+://|gh:|gl:|[^/]+@[^/]+:)")
DESCRIBED = re.compile(r"^(?P<tag>.+)-\d+-g[0-9a-f]+$")
ALIASES = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}


@dataclass(frozen=True)
class Upstream:
    location: str
    """A URL, or an absolute path."""
    checkout: Path | None
    """The path, where it is one."""
    base: Path | None
    """The directory in which the recorded path holds, where it is relative."""


def find(project: Project, running: Source) -> Upstream:
    """The template the service records. It has to be there, and under git."""
    location = project.location
    if REMOTE.match(location):
        return Upstream(_expanded(location), None, None)
    path = Path(location).expanduser()
    base = None
    if not path.is_absolute():
        # `copier copy . ../orders` in a checkout records `.`: it means this one, if any.
        if not running.is_repository:
            raise refusals.relative_source(location)
        base = running.root
        path = (base / path).resolve()
    if not git.is_repository(path):
        raise refusals.source_gone(location)
    return Upstream(str(path), path, base)


def _expanded(location: str) -> str:
    for alias, url in ALIASES.items():
        if location.startswith(alias):
            return url + location.removeprefix(alias)
    return location.removeprefix("git+")


def newer(upstream: Upstream, current: str, wanted: str | None = None) -> str | None:
    """The version to go to, or None if the service is there already.

    A service rendered from a release goes to the newest release. One rendered from any other
    commit belongs to somebody who works on the template, and goes to the end of the branch.
    """
    tags = git.tags(upstream.location)
    if tags is None:
        raise refusals.source_unreachable(upstream.location)
    target = wanted or _default_target(upstream, current, tags)
    if upstream.checkout:
        return _ahead_in(upstream.checkout, current, target)
    return None if _is_reached(upstream.location, current, target) else target


def _default_target(upstream: Upstream, current: str, tags: list[str]) -> str:
    follows_releases = current in tags if upstream.checkout else bool(releases(tags))
    newest = releases(tags)[-1:]
    if not follows_releases or not newest:
        return "HEAD"
    return newest[0] if _version(newest[0]) > _version(current) else current


def _ahead_in(checkout: Path, current: str, target: str) -> str | None:
    here, there = git.commit_of(checkout, current), git.commit_of(checkout, target)
    if here is None:
        raise refusals.unknown_version(current)
    if there is None:
        raise refusals.unknown_version(target)
    # Copier would take the changes along and record a commit that nobody can find again.
    if target == "HEAD" and git.is_dirty(checkout):
        raise refusals.dirty_source(str(checkout))
    return None if here == there else target


def named(upstream: Upstream, target: str) -> str:
    """The target as a service would record it."""
    if target != "HEAD":
        return target
    if upstream.checkout:
        return git.describe(upstream.checkout) or target
    return (git.remote_head(upstream.location) or target)[:7]


def _is_reached(location: str, current: str, target: str) -> bool:
    if target != "HEAD":
        return target == current
    head = git.remote_head(location) or ""
    return head.startswith(current.rsplit("-g", 1)[-1])


def releases(tags: list[str]) -> list[str]:
    """The tags that are versions, pre-releases apart, oldest first."""
    stable = [tag for tag in tags if (found := _parsed(tag)) and not found.is_prerelease]
    return sorted(stable, key=_version)


def _version(commit: str) -> Version:
    """The version a commit is or stands on; zero for one that no tag precedes."""
    described = DESCRIBED.match(commit)
    return _parsed(described["tag"] if described else commit) or Version("0")


def _parsed(tag: str) -> Version | None:
    try:
        return Version(tag)
    except InvalidVersion:
        return None
