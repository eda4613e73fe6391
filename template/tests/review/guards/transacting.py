"""Transactions, seen while they run: what they overwrite, and who hears of them before they end."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, TypeGuard

from tests.review.finding import Finding, Guard
from tests.review.guards.querying import plain
from tests.review.requests import Seen

OVERWRITTEN, EARLY, LATE = "overwritten-value", "task-before-commit", "commit-after-answer"

SELECTED = re.compile(r"^\s*SELECT\s+(.*?)\s+FROM\s+(\w+)", re.IGNORECASE | re.DOTALL)
UPDATED = re.compile(
    r"^\s*UPDATE\s+(\w+)\s+SET\s+(.*?)(?:\bWHERE\b(.*))?$", re.IGNORECASE | re.DOTALL
)
WRITES = re.compile(r"^\s*(INSERT|UPDATE|DELETE|REPLACE|MERGE)\b", re.IGNORECASE)
# A column whose value comes from Python: `likes = $1::INTEGER`, `likes = %s`.
BOUND = re.compile(r"(\w+)\s*=\s*(\?|%s|\$(\d+)(?:::\w+)?)\s*(?=,|$|\bRETURNING\b)", re.IGNORECASE)
PLACE = re.compile(r"\?|%s")
# Where one transaction at a time writes, none of it is needed: but code may outlive its database.
LOCKS = re.compile(
    r"\bFOR (NO KEY )?UPDATE\b|\bpg_advisory|\bGET_LOCK\b|\bLOCK TABLE", re.IGNORECASE
)
# What an update compares, so that it does nothing where another one came first.
COMPARED = re.compile(r"version|updated_at|modified|etag", re.IGNORECASE)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

Number = int | float | Decimal


@dataclass(frozen=True)
class Given:
    """What a client has sent, and the numbers that are written in the code."""

    text: str
    constants: Set[float] = frozenset()

    def has(self, value: Any) -> bool:
        """Tell whether a value came from there."""
        if is_number(value):
            return float(value) in self.constants | set(map(float, NUMBER.findall(self.text)))
        if isinstance(value, str):
            written = json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]
            return any(each in self.text for each in (value, *written))
        if isinstance(value, Mapping):
            return all(map(self.has, value.values()))
        return all(map(self.has, value)) if isinstance(value, list) else True


class Written(NamedTuple):
    """A number that an update puts into a column."""

    table: str
    column: str
    value: Number


def judge_as(name: str) -> Callable[[Seen], Iterator[Finding]]:
    """Make a finding of each note of that name."""

    def judge(seen: Seen) -> Iterator[Finding]:
        for note in seen.notes:
            if note.kind == name and note.site is not None:
                yield Finding(note.site.path, note.site.line, name, f"{seen.route} {note.what}")

    return judge


GUARDS = (
    Guard(
        OVERWRITTEN,
        "Two at once read the same value, and the later one overwrites what the first has done.",
        "Let the database compute: `update(Post).values(likes=Post.likes + 1)`; or lock the row"
        " (`with_for_update()`), or give the table a `version_id_col`.",
        "What no test runs, what a request was told by its client or finds in its code, and, of"
        " what isn't a row of a model, all but numbers.",
        judge=judge_as(OVERWRITTEN),
    ),
    Guard(
        EARLY,
        "A worker is faster than the commit and doesn't find the row; or the transaction is rolled"
        " back, and the task runs nevertheless.",
        "`await enqueue_within(transaction, broker, …)`; or `after_commit(lambda: …)`.",
        "What no test runs, and tasks that don't go through the service's `Broker`.",
        judge=judge_as(EARLY),
    ),
    Guard(
        LATE,
        "The client has its 201, and then the commit fails: nobody will ever know.",
        '`SessionDep`, or `Depends(…, scope="function")`; a task instead of a background task.',
        "What no test runs, and connections that aren't SQLAlchemy's.",
        judge=judge_as(LATE),
    ),
)


def columns_read(statement: str) -> set[tuple[str, str]]:
    """Name the columns that a query asks for, with its table."""
    found = SELECTED.match(plain(statement))
    return {(found[2], word) for word in re.findall(r"\w+|\*", found[1])} if found else set()


def numbers_written(statement: str, values: object) -> Iterator[Written]:
    """List the numbers that an update takes from Python, unless it compares what was there."""
    found = UPDATED.match(plain(statement))
    if found is None or not isinstance(values, Sequence):
        return
    table, assigned, where = found[1], found[2], found[3] or ""
    for bound in BOUND.finditer(assigned):
        before = PLACE.findall(assigned[: bound.start(2)])
        place = int(bound[3]) - 1 if bound[3] else len(before)
        value = values[place] if place < len(values) else None
        is_compared = COMPARED.search(where) or re.search(rf"\b{bound[1]}\b", where)
        if is_number(value) and not is_compared:
            yield Written(table, bound[1], value)


def is_number(value: Any) -> TypeGuard[Number]:
    """Tell what can be counted up."""
    return isinstance(value, Number) and not isinstance(value, bool)


def is_made_of(new: Any, old: Any, given: Given) -> bool:
    """Tell whether a value was probably made of the one that was there, and not given."""
    if is_number(new):
        return not given.has(new)
    if type(new) is not type(old) or not old or new == old or given.has(new):
        return False
    if isinstance(new, Mapping):
        return old.items() <= new.items()
    if isinstance(new, list):
        return all(each in new for each in old)
    return isinstance(new, str) and old in new
