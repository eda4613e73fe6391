"""How much template the template may hold, and how long and plain what it renders has to be."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from jinja2 import nodes
from matrix import JINJA, Row
from rendering import every_row, rendered
from workbench import REPOSITORY

# An axis with a resource, settings and a place in the stack takes some 14 of them.
TAGGED_LINES = 169
# That of what the lifespan opens, for all axes.
TAGGED_LINES_OF_A_FILE = 22
LINES_OF_A_RENDERED_FILE = 250

# The files in which the answers meet the code. Another one is a decision: can it be a folder, or
# a file that is there or not?
SEAMS = {
    "template/.dockerignore.jinja",
    "template/.env.example.jinja",
    "template/.github/workflows/ci.yml.jinja",
    "template/.gitignore.jinja",
    "template/.importlinter.jinja",
    "template/AGENTS.md.jinja",
    "template/ARCHITECTURE.md.jinja",
    "template/Dockerfile.jinja",
    "template/LICENSE.jinja",
    "template/README.md.jinja",
    "template/app/core/application.py.jinja",
    "template/app/core/cache/store.py.jinja",
    "template/app/core/database/dump.py.jinja",
    "template/app/core/database/engine.py.jinja",
    "template/app/core/database/text.py.jinja",
    "template/app/core/database/types.py.jinja",
    "template/app/core/lifespan.py.jinja",
    "template/app/core/live/relay.py.jinja",
    "template/app/core/observability/reports.py.jinja",
    "template/app/core/rate_limit/counter.py.jinja",
    "template/app/core/settings.py.jinja",
    "template/app/core/tasks/carrier.py.jinja",
    "template/app/core/tasks/connection.py.jinja",
    "template/app/core/tasks/ledger.py.jinja",
    "template/app/core/tasks/transport.py.jinja",
    "template/app/core/tasks/within.py.jinja",
    "template/app/features/posts/endpoints.py.jinja",
    "template/app/features/posts/service.py.jinja",
    "template/app/features/repositories/service.py.jinja",
    "template/app/settings.py.jinja",
    "template/compose.yaml.jinja",
    "template/justfile.jinja",
    "template/ops/prometheus/prometheus.yaml.jinja",
    "template/pyproject.toml.jinja",
    "template/tests/core/test_dump.py.jinja",
    "template/tests/core/test_engine.py.jinja",
    "template/tests/core/test_own_server.py.jinja",
    "template/tests/fixtures/broker.py.jinja",
    "template/tests/fixtures/cache.py.jinja",
    "template/tests/fixtures/database.py.jinja",
    "template/tests/fixtures/ledger.py.jinja",
    "template/tests/fixtures/relay.py.jinja",
    "template/tests/fixtures/reports.py.jinja",
}
# The one that Copier looks for under a name it is told.
ANSWERS_FILE = "template/{{ _copier_conf.answers_file }}.jinja"

# Nobody reads them from the top: legal text, and dashboards that a program exports.
UNREAD = re.compile(r"(^|/)LICENSE$|\.json$")
# They say where a thing is not, and attract whatever has no home.
NO_NAMES = re.compile(r"^(utils?|helpers?|common|base|misc|managers?)$")


def files() -> Iterator[tuple[str, str]]:
    """Everything that is rendered, or included where something is."""
    for pattern in ("template/**/*", "backends/*/*/*"):
        for path in REPOSITORY.glob(pattern):
            if path.is_file() and not {"__pycache__", ".ruff_cache"} & set(path.parts):
                yield path.relative_to(REPOSITORY).as_posix(), path.read_text(encoding="utf-8")


def tagged(text: str) -> int:
    return sum("{%" in line for line in text.splitlines())


def test_the_whole_template_has_few_lines_with_tags() -> None:
    counts = {path: tagged(text) for path, text in files() if tagged(text)}
    assert sum(counts.values()) <= TAGGED_LINES, counts


def test_no_seam_has_many_lines_with_tags() -> None:
    counts = {path: tagged(text) for path, text in files()}
    assert {p: n for p, n in counts.items() if n > TAGGED_LINES_OF_A_FILE} == {}


def test_tags_stand_in_the_seams_alone() -> None:
    assert {path for path, text in files() if tagged(text)} == SEAMS


def test_tags_leave_white_space_alone() -> None:
    """`trim_blocks` and `lstrip_blocks` do it; a hyphen eats what the formatter wants there."""
    assert [path for path, text in files() if "{%-" in text or "-%}" in text] == []


def test_conditions_are_neither_nested_nor_hidden() -> None:
    """One pair of tags per axis and place, and none inside an expression."""
    for path, text in files():
        if path.endswith(".jinja"):
            syntax = JINJA.parse(text)
            conditions = list(syntax.find_all(nodes.If))
            assert not [c for c in conditions if next(c.find_all(nodes.If), None)], path
            assert not [c for c in conditions if c.elif_ or c.else_], path
            assert not list(syntax.find_all(nodes.CondExpr)), path


def test_a_backend_has_no_conditions() -> None:
    """It is chosen as a whole."""
    assert [p for p, text in files() if p.startswith("backends/") and "{%" in text] == []


def test_no_tag_stands_in_a_path() -> None:
    assert [path for path, _ in files() if "{" in path] == [ANSWERS_FILE]


def test_a_suffix_promises_a_tag() -> None:
    """Without one a file is what it looks like: linters and readers can have it as it is."""
    plain = [p for p, text in files() if p.endswith(".jinja") and not re.search(r"\{[{%]", text)]
    assert plain == []


@every_row
def test_no_rendered_file_is_long(row: Row) -> None:
    lengths = {path: len(text.splitlines()) for path, text in rendered(row).files.items()}
    long = {path: n for path, n in lengths.items() if n > LINES_OF_A_RENDERED_FILE}
    assert {path: n for path, n in long.items() if not UNREAD.search(path)} == {}


@every_row
def test_every_file_has_a_name_that_says_something(row: Row) -> None:
    paths = map(Path, rendered(row).files)
    assert [str(p) for p in paths if any(NO_NAMES.match(part) for part in (*p.parts, p.stem))] == []


@every_row
def test_middleware_is_pure_asgi(row: Row) -> None:
    imported = {
        (path, alias.name)
        for path, module in rendered(row).modules.items()
        for node in ast.walk(module)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert {path for path, name in imported if "BaseHTTPMiddleware" in name} == set()
