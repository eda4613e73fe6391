import os
from pathlib import Path

import pytest

from app.core.observability.identity import available_cpus


@pytest.mark.parametrize(
    ("limit", "most"),
    [("max 100000", 999), ("50000 100000", 1), ("150000 100000", 2), ("9900000 100000", 999)],
)
def test_a_container_may_have_less_than_the_machine(tmp_path: Path, limit: str, most: int) -> None:
    path = tmp_path / "cpu.max"
    path.write_text(f"{limit}\n")

    assert available_cpus(path) == min(most, len(os.sched_getaffinity(0)))


def test_without_a_limit_they_are_the_machines(tmp_path: Path) -> None:
    assert available_cpus(tmp_path / "none") == len(os.sched_getaffinity(0))
