"""Every combination that this machine can run, installed, checked and tested."""

from pathlib import Path

import pytest
from deep.installation import deep_rows, install
from matrix import Row, answer, name
from workbench import Template, succeeded

ROWS = deep_rows()
# What kills workers and brokers, for each that carries tasks.
DRILLS = ("tests/core/test_worker.py", "tests/core/test_transport.py")


def is_first_with(row: Row, *keys: str) -> bool:
    """Whether no row before has the same answers."""
    answers = [answer(row, key) for key in keys]
    first = next(each for each in ROWS if [answer(each, key) for key in keys] == answers)
    return row is first


@pytest.mark.parametrize("row", [pytest.param(row, id=name(row)) for row in ROWS])
def test_it_passes_its_own_checks(template: Template, tmp_path: Path, row: Row) -> None:
    """Lint, format, strict types, import contract, and its tests on real servers.

    All tests for each database, and otherwise those that aren't slow; the drills for each that
    carries tasks.
    """
    service = install(template, tmp_path / "orders", row)

    if is_first_with(row, "database"):
        outcomes = [succeeded(service.just("check"))]
    else:
        succeeded(service.just("lint", "types", "imports"))
        outcomes = [succeeded(service.just("test", "-m", "not slow"))]
        if is_first_with(row, "transport") and answer(row, "queue") != "none":
            outcomes.append(succeeded(service.just("test", *DRILLS)))

    for outcome in outcomes:
        assert " passed" in outcome.stdout
        # What this machine lacks is named; nothing else is left out.
        skipped = [line for line in outcome.stdout.splitlines() if line.startswith("SKIPPED")]
        assert all("There is no " in line for line in skipped), skipped
    assert template.bench.git(service.path, "status", "--porcelain") == "?? uv.lock"
