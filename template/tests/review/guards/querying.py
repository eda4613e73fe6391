"""Queries that are too many, or find their rows the long way."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from tests.review.finding import Finding, Guard
from tests.review.requests import Note, Seen, Site

QUERY, UNLOGGED = "query", "unlogged-slow-query"
# So often a request may run the same statement from the same line.
SAME = 3

Indexes = Mapping[str, list[tuple[str, ...]]]
# The columns of each index, by table; the first one is what it can be used for alone.
INDEXES: dict[str, list[tuple[str, ...]]] = {}

TABLE = re.compile(r"\b(?:FROM|JOIN|UPDATE)\s+(\w+)(?:\s+(?:AS\s+)?(\w+))?", re.IGNORECASE)
FILTERED = re.compile(
    r"\bWHERE\b(.*?)(?:\bGROUP BY\b|\bORDER BY\b|\bLIMIT\b|\bRETURNING\b|$)",
    re.IGNORECASE | re.DOTALL,
)
COMPARED = re.compile(r"(?:(\w+)\.)?(\w+)\s*(?:=|<|>|\bIN\b|\bLIKE\b|\bBETWEEN\b)", re.IGNORECASE)
ORDERED = re.compile(r"\bORDER BY\s+(?:(\w+)\.)?(\w+)(?!\s*\()", re.IGNORECASE)


def judge_repeated(seen: Seen) -> Iterator[Finding]:
    """Find statements that a request runs again and again."""
    asked = [note for note in seen.notes if note.kind == QUERY and note.site is not None]
    times = Counter((shape(note.what), note.site) for note in asked if is_read(note.what))
    for (statement, site), count in times.items():
        if count > SAME and site is not None:
            what = f"{seen.route} runs it {count} times: {statement[:120]}"
            yield Finding(site.path, site.line, N_PLUS_ONE.name, what)


def judge_plan(seen: Seen) -> Iterator[Finding]:
    """Find statements that no index helps."""
    for note in seen.notes:
        if note.kind == QUERY and note.site is not None:
            for table, columns in without_index(note.what, INDEXES):
                yield missing(seen, note, note.site, f"`{table}` by {columns}")


def missing(seen: Seen, note: Note, site: Site, what: str) -> Finding:
    """Say which index there should be."""
    said = f"{seen.route} looks in {what}, and no index begins so: {shape(note.what)[:120]}"
    return Finding(site.path, site.line, MISSING_INDEX.name, said)


N_PLUS_ONE = Guard(
    "n-plus-one",
    "Each query is a way to the database and back: 100 rows take 101 of them.",
    "One query: `joinedload`, `selectinload`, a join, or `where(Post.id.in_(ids))`.",
    f"What no test runs with more than {SAME} rows.",
    judge=judge_repeated,
)
MISSING_INDEX = Guard(
    "missing-index",
    "The database reads the whole table for each such query, and takes longer with each row.",
    "An index that begins with the column: `index=True`, or `Index(None, …)`, and a migration.",
    "Statements that no test runs, and what stands in subqueries. `tests/core/test_indexes.py` asks"
    " the database itself whether it uses the indexes that there are.",
    judge=judge_plan,
)
UNLOGGED_SLOW_QUERY = Guard(
    UNLOGGED,
    "It takes seconds, and nobody knows which of all it is.",
    "`DATABASE_SLOW_QUERY_MILLISECONDS` below a second, and the logger of"
    " `app.core.database.monitor` at `WARNING`; connections of `DatabaseDep`.",
    "Engines of your own, and what the environment of production says.",
)
GUARDS = (N_PLUS_ONE, MISSING_INDEX, UNLOGGED_SLOW_QUERY)


def shape(statement: str) -> str:
    """Write a statement without what varies."""
    text = re.sub(r"'(?:[^']|'')*'|\b\d+\b|\$\d+(::\w+)?|%s|%\(\w+\)s|:\w+", "?", statement)
    return " ".join(re.sub(r"\(\s*\?(?:\s*,\s*\?)*\s*\)", "(?)", text).split())


def plain(statement: str) -> str:
    """Leave out the quotes round names."""
    return re.sub(r'["`]', "", statement)


def is_read(statement: str) -> bool:
    """Tell a statement that only reads."""
    return statement.lstrip(" (\n").upper().startswith(("SELECT", "WITH"))


def without_index(statement: str, indexes: Indexes) -> Iterator[tuple[str, str]]:
    """Give tables, and the columns by which they are looked in though no index begins with one."""
    text = plain(statement)
    tables = {alias or table: table for table, alias in TABLE.findall(text) if table in indexes}
    tables |= {table: table for table in tables.values()}
    where = " ".join(FILTERED.findall(text))
    compared = list(columns_of(COMPARED.findall(where), tables))
    for table in dict.fromkeys(tables.values()):
        columns = [column for of, column in compared if of == table]
        if columns and not is_led(indexes[table], columns):
            yield table, ", ".join(f"`{column}`" for column in dict.fromkeys(columns))
    is_counted = re.search(r"\bGROUP BY\b|\bDISTINCT\b", text, re.IGNORECASE)
    if not compared and not is_counted:
        for table, column in columns_of(ORDERED.findall(text), tables):
            if not is_led(indexes[table], [column]):
                yield table, f"the order of `{column}`"


def columns_of(
    found: list[tuple[str, str]], tables: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Say of which table a column is, where that is plain."""
    for alias, column in found:
        if alias in tables:
            yield tables[alias], column
        elif not alias and len(set(tables.values())) == 1:
            yield next(iter(tables.values())), column


def is_led(indexes: list[tuple[str, ...]], columns: list[str]) -> bool:
    """Tell whether an index begins with one of the columns."""
    return any(index[0] in columns for index in indexes)
