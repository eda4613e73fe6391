"""An answer that was not given leaves nothing of itself: no file, no line, no word."""

import re
from functools import cache

import pytest
import yaml
from matrix import BUILTINS, Answer, Row, axes, every_combination, questions, render
from rendering import every_row, rendered
from workbench import ANSWERS, REPOSITORY

# Choices whose names are words that say other things too; Datadog speaks OpenTelemetry.
ORDINARY = {"memory", "none", "opentelemetry"}
# An axis, likewise: it is known by its words alone.
ORDINARY_AXES = {"errors"}

# What an axis is also spoken of with. The name of the axis goes without saying.
WORDS = {
    "database": (
        *("sql", "migrat", "alembic", "transaction", "commit", "rollback", "rowid"),
        r"\b(db|tables?|rows?|columns?|quer(y|ies))\b",
    ),
    "tracing": ("opentelemetry", "otel", "otlp", r"\bspans?\b"),
    "errors": ("sentry", r"\bdsn\b"),
}

# What bears the name of an axis and is something else: an axis that is off has to be silent.
HOMONYMS = {
    "cache": re.compile(
        r"__pycache__"  # CPython's
        r"|\.(pytest|ruff|import_linter|mypy|hypothesis)_cache"  # a tool's
        r"|--mount=type=cache|/\.cache/uv|--no-cache(-dir)?\b|enable-cache|UV_NO_CACHE"  # builds
        r"|functools\.cache|import cache\b|@cache$|lru_cache|cached_property"  # of the language
        r"|\.cache_info\("
        r"|(statement|stmt)_cache_size|_stmt_cache\b|statement caches?\b"  # of drivers
        r"|cache_ok|[Cc]ache-[Cc]ontrol|no-cache"  # SQLAlchemy's and HTTP's
    ),
    "database": re.compile(
        r"pipeline\(transaction=|\bdb=|\"db\""  # Redis's
        r"|query_params|policy\.query|\bquery[=:,`]|the (declared_)?query\b|declared_query"  # URLs'
        r"|table\.insert"  # Lua's
        r"|git commit|Check each commit before it is made|pre-commit"  # git's
        r"|\"transaction\""  # Sentry's
        r"|</?table>|^table \{\{|grid-template-columns"  # HTML's
        r"|\"query\""  # Grafana's
    ),
    "tracing": re.compile(r'telemetry=\{"tracing": False'),  # FastAPI's
}

# It lists what users may bring along, whatever they have answered.
OTHERS = "tests/review/libraries.py"

REQUIREMENT = re.compile(r'^\s*"([A-Za-z0-9._-]+)', re.MULTILINE)
VARIABLE = re.compile(r"^(?:# )?([A-Z][A-Z0-9_]+)=", re.MULTILINE)


def fragment(axis: str, choice: Answer, file: str) -> str:
    path = REPOSITORY / "backends" / axis / str(choice) / file
    return path.read_text(encoding="utf-8") if path.is_file() else ""


@cache
def words(axis: str, choice: Answer) -> frozenset[str]:
    """What is said of a choice alone: its name, its packages, its variables."""
    packages = REQUIREMENT.findall(fragment(axis, choice, "dependencies"))
    variables = VARIABLE.findall(fragment(axis, choice, "env"))
    return frozenset(
        word.lower() for word in [str(choice), *packages, *variables] if word not in ORDINARY
    )


def chosen_of(row: Row) -> dict[str, str]:
    """The choice of each axis, of those also that nobody was asked about."""
    context = {**BUILTINS, **row, "broker": row.get("broker", "redis")}
    folders: list[str] = yaml.safe_load(render(questions()["folders"].default, context))
    return {axis: choice for _, axis, choice in (folder.split("/") for folder in folders)}


def foreign(row: Row) -> set[str]:
    """The words of everything that was not chosen, but for those of what was."""
    stack = chosen_of(row)
    others = {
        word
        for axis in axes()
        for choice in questions()[axis].choices
        if choice.value != stack[axis]
        for word in words(axis, choice.value)
    }
    chosen = {word for axis, choice in stack.items() for word in words(axis, choice)}
    platform = REPOSITORY / "template" / "pyproject.toml.jinja"
    return others - chosen - set(REQUIREMENT.findall(platform.read_text(encoding="utf-8")))


def silent(row: Row) -> set[str]:
    """The axes that are off, with nothing in their place."""
    return {
        axis
        for axis in axes()
        # What isn't asked has no place of its own to be silent in.
        if questions()[axis].when == "True" and row.get(axis, "none") == "none"
        if not (REPOSITORY / "backends" / axis / "none").exists()
    }


def mention(axis: str) -> re.Pattern[str]:
    """Whatever speaks of an axis."""
    name = () if axis in ORDINARY_AXES else (axis,)
    return re.compile("|".join((*name, *WORDS.get(axis, ()))), re.IGNORECASE)


def spoken(pattern: re.Pattern[str], row: Row, homonyms: re.Pattern[str] | None) -> list[str]:
    """Each path and line in which the pattern occurs, the record of the answers apart."""
    files = rendered(row).files.items()
    return [
        where
        for path, text in files
        if path not in {ANSWERS, OTHERS}
        for where in spoken_in(path, text, pattern, homonyms)
    ]


@cache
def spoken_in(
    path: str, text: str, pattern: re.Pattern[str], homonyms: re.Pattern[str] | None
) -> list[str]:
    """The same of a file, which most services have in common."""
    lines = enumerate(text.splitlines(), start=1)
    said = [(path, path), *((f"{path}:{number}: {line}", line) for number, line in lines)]
    return [where for where, what in said if pattern.search(hidden(what, homonyms))]


def hidden(line: str, homonyms: re.Pattern[str] | None) -> str:
    return homonyms.sub("", line) if homonyms else line


@every_row
def test_what_was_not_chosen_is_not_named(row: Row) -> None:
    if names := foreign(row):
        # `redis-py` is `redis_py` where it is imported; a variable is a field in lower case. The
        # number of a metric may be called like a setting.
        spelled = "|".join(re.sub(r"[-_.]", "[-_.]", re.escape(name)) for name in names)
        pattern = re.compile(rf"(?<![a-z0-9])({spelled})(?![a-z0-9]|_total)", re.IGNORECASE)
        assert spoken(pattern, row, None) == []


@every_row
def test_an_axis_that_is_off_is_not_mentioned(row: Row) -> None:
    for axis in silent(row):
        assert spoken(mention(axis), row, HOMONYMS.get(axis)) == []


def test_there_is_something_to_look_for() -> None:
    """Otherwise the two above prove nothing."""
    assert any(foreign(row) for row in every_combination())
    assert any(silent(row) for row in every_combination())


@pytest.mark.parametrize(
    ("axis", "line"),
    [
        ("cache", "CACHE_TTL=1"),
        ("cache", "from app.core.cache import Cache"),
        ("cache", "# cached"),
        ("database", "DATABASE_URL=x"),
        ("database", "import sqlalchemy"),
        ("database", "just migrate"),
        ("database", "await session.commit()"),
        ("database", "item_id: RowId"),
        ("database", "GET /health/db-pool"),
        ("tracing", "tracing: Tracing | None"),
        ("tracing", "from opentelemetry.trace import Span"),
        ("errors", "SENTRY_DSN="),
    ],
)
def test_a_homonym_hides_no_mention(axis: str, line: str) -> None:
    assert mention(axis).search(hidden(line, HOMONYMS.get(axis)))
