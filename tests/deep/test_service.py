"""Every combination that this machine can run, installed, checked and tested."""

from pathlib import Path

import pytest
from deep.installation import deep_rows, install
from matrix import Row, name
from workbench import Template, succeeded

ROWS = deep_rows()


def is_first_with_its_database(row: Row) -> bool:
    """Tell the rows that run everything from those on another Python, which leave out the slow."""
    return row is next(each for each in ROWS if each["database"] == row["database"])


@pytest.mark.parametrize("row", [pytest.param(row, id=name(row)) for row in ROWS])
def test_it_passes_its_own_checks(template: Template, tmp_path: Path, row: Row) -> None:
    """Lint, format, strict types, import contract, and its tests on real servers."""
    service = install(template, tmp_path / "orders", row)

    if is_first_with_its_database(row):
        outcome = succeeded(service.just("check"))
    else:
        succeeded(service.just("lint", "types", "imports"))
        outcome = succeeded(service.just("test", "-m", "not slow"))

    assert " passed" in outcome.stdout
    # What this machine lacks is named; nothing else is left out.
    skipped = [line for line in outcome.stdout.splitlines() if line.startswith("SKIPPED")]
    assert all("There is no " in line for line in skipped), skipped
    assert template.bench.git(service.path, "status", "--porcelain") == "?? uv.lock"
