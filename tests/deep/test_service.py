"""Every combination that this machine can run, installed, checked and tested."""

from pathlib import Path

import pytest
from deep.installation import deep_rows, install
from matrix import Row, name
from workbench import Template, succeeded


@pytest.mark.parametrize("row", [pytest.param(row, id=name(row)) for row in deep_rows()])
def test_it_passes_its_own_checks(template: Template, tmp_path: Path, row: Row) -> None:
    """Lint, format, strict types, import contract, and its tests on real servers."""
    service = install(template, tmp_path / "orders", row)

    outcome = succeeded(service.just("check"))

    assert " passed" in outcome.stdout
    assert " skipped" not in outcome.stdout
    assert template.bench.git(service.path, "status", "--porcelain") == "?? uv.lock"
