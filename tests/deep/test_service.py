"""Every combination that this machine can run, installed, checked and tested."""

from pathlib import Path

import pytest
from deep.installation import deep_rows, install
from matrix import Row, answer, name
from workbench import REPOSITORY, Template, succeeded

ROWS = deep_rows()
# What kills workers and brokers, for each that carries tasks.
DRILLS = ("tests/core/test_worker.py", "tests/core/test_transport.py")
# What asks nothing that an answer could change: tested with each Python.
ALIKE = (
    "addresses",
    "bad_http",
    "body_limit",
    "breaker",
    "compression",
    "concurrency",
    "cors",
    "cpus",
    "drain",
    "http_client",
    "http_faults",
    "http_many",
    "http_retries",
    "in_flight",
    "live_queues",
    "live_streams",
    "logging",
    "management",
    "metrics",
    "problem",
    "redaction",
    "request_id",
    "routing",
    "security_headers",
    "server",
    "stack",
    "timing",
    "trusted_hosts",
)
# What asks the database alone: tested with each.
OF_THE_DATABASE = (
    "boot",
    "csv",
    "direct",
    "dump",
    "engine",
    "faults",
    "indexes",
    "json",
    "migrations",
    "model",
    "own_server",
    "pool",
    "review_queries",
    "review_transactions",
    "review_values",
    "session",
)


def is_first_with(row: Row, *keys: str) -> bool:
    """Whether no row before has the same answers."""
    answers = [answer(row, key) for key in keys]
    first = next(each for each in ROWS if [answer(each, key) for key in keys] == answers)
    return row is first


def test_what_is_alike_is_a_file_for_all() -> None:
    """A name that is wrong would leave nothing out, and a seam would leave out too much."""
    for subject in (*ALIKE, *OF_THE_DATABASE):
        path = REPOSITORY / f"template/tests/core/test_{subject}.py"
        assert path.is_file() or path.with_suffix(".py.jinja").is_file()


@pytest.mark.parametrize("row", [pytest.param(row, id=name(row)) for row in ROWS])
def test_it_passes_its_own_checks(template: Template, tmp_path: Path, row: Row) -> None:
    """Lint, format, strict types, import contract, and its tests on real servers.

    All tests for each database, and otherwise those that aren't slow; but once only those that
    would do nothing new. The drills for each that carries tasks.
    """
    service = install(template, tmp_path / "orders", row)

    if row is ROWS[0]:
        outcomes = [succeeded(service.just("check"))]
    else:
        succeeded(service.just("lint", "types", "imports"))
        is_new_python = is_first_with(row, "python_version")
        is_new_database = is_first_with(row, "database")
        known = [*([] if is_new_python else ALIKE), *([] if is_new_database else OF_THE_DATABASE)]
        selected = [f"--ignore=tests/core/test_{subject}.py" for subject in known]
        if is_new_database:
            outcomes = [succeeded(service.just("test", *selected))]
        else:
            outcomes = [succeeded(service.just("test", "-m", "not slow", *selected))]
            if is_first_with(row, "transport") and answer(row, "queue") != "none":
                outcomes.append(succeeded(service.just("test", *DRILLS)))

    for outcome in outcomes:
        assert " passed" in outcome.stdout
        # What this machine lacks is named; nothing else is left out.
        skipped = [line for line in outcome.stdout.splitlines() if line.startswith("SKIPPED")]
        assert all("There is no " in line for line in skipped), skipped
    assert template.bench.git(service.path, "status", "--porcelain") == "?? uv.lock"
