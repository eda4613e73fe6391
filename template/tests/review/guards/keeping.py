"""What is cached, and doesn't hear of changes."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.review.finding import Finding, Guard
from tests.review.guards.querying import QUERY, plain
from tests.review.requests import Seen, Site

FORGOTTEN = "forgotten"
READ = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)", re.IGNORECASE)
WRITTEN = re.compile(r"^\s*(INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)", re.IGNORECASE)


@dataclass(frozen=True)
class Kept:
    """A cached route: the names under which it is forgotten, and the tables that it reads."""

    route: str
    names: Sequence[str]
    tables: frozenset[str]


@dataclass(frozen=True)
class Change:
    """A request that wrote: what into which tables, and what it had forgotten."""

    route: str
    site: Site
    written: frozenset[tuple[str, str]]
    forgotten: frozenset[str]


STALE_CACHE = Guard(
    "stale-cache",
    "Clients get what was true once, until its time is over.",
    "`cache.invalidate(…)` of its key or a tag, filled in: in `after_commit`, or once it is sure.",
    "Cached routes and writes of which a run has only one, what `get_or_load` keeps besides, writes"
    " of tasks, and rows that only an outer join would show.",
)
GUARDS = (STALE_CACHE,)


def tables_of(seen: Seen) -> frozenset[str]:
    """Name the tables that a request read."""
    asked = [note.what for note in seen.notes if note.kind == QUERY]
    return frozenset(name for sql in asked for name in READ.findall(plain(sql)))


def change_of(seen: Seen) -> Change | None:
    """Say what a request wrote, if it did, and if it was a line of yours that did."""
    site = seen.endpoint
    asked = [plain(note.what) for note in seen.notes if note.kind == QUERY]
    found = [match for sql in asked if (match := WRITTEN.match(sql)) is not None]
    if site is None or site.is_platform or not found or seen.status >= 400:
        return None
    forgotten = {note.what for note in seen.notes if note.kind == FORGOTTEN}
    written = {(match[1].split()[0].upper(), match[2]) for match in found}
    return Change(seen.route, site, frozenset(written), frozenset(forgotten))


def judge(
    kept: Iterable[Kept], changes: Iterable[Change], parents: Mapping[str, frozenset[str]]
) -> Iterator[Finding]:
    """Find changes of which a cached route hears nothing. `parents` are tables that others name."""
    kept = list(kept)
    for change in changes:
        for each in kept:
            touched = [
                table for verb, table in change.written if affects(verb, table, each, parents)
            ]
            if touched and not hears(each, change.forgotten):
                what = f"{change.route} writes `{touched[0]}`, and {each.route} keeps what it read"
                yield Finding(change.site.path, change.site.line, STALE_CACHE.name, what)


def affects(verb: str, table: str, kept: Kept, parents: Mapping[str, frozenset[str]]) -> bool:
    """Tell whether a write can change what a route has read."""
    if table not in kept.tables:
        return False
    if verb != "INSERT":
        return True
    # A new row is none that was read by its id, nor one that another row names already.
    is_of_one = "{" in kept.names[0]
    return not is_of_one and not parents.get(table, frozenset()) & kept.tables


def hears(kept: Kept, forgotten: Iterable[str]) -> bool:
    """Tell whether one of the names that were forgotten is one of a route's."""
    patterns = [re.sub(r"\\\{.*?\\\}", ".+", re.escape(name)) for name in kept.names]
    return any(re.fullmatch(pattern, name) for pattern in patterns for name in forgotten)
