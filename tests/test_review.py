"""The review of a rendered service: it finds what is planted, and nothing in what is good."""

import re
import shutil
import subprocess
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest
from matrix import Row, presets
from rendering import EVERY, Project, rendered
from workbench import REPOSITORY

HERE = REPOSITORY / "tests" / "review"
# How a line of planted code says what has to be found there.
MARK = re.compile(r"# finds(?: (?P<below>\d) below)?: (?P<guards>[\w, -]+)$")
SAID = re.compile(r"^(?P<path>\S+):(?P<line>\d+): (?P<guard>[\w-]+): ", re.MULTILINE)
# With all that a service may have.
FULL: Row = {"database": "postgresql", "cache": "redis", "queue": "taskiq"}
FORMS = 3

PRESETS = [pytest.param(row, id=name) for name, row in presets().items()]
# What was said of a code, by a digest of it.
REVIEWED: dict[str, str] = {}


class Found(NamedTuple):
    """What a guard says, and where."""

    path: str
    line: int
    guard: str


def review(service: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """As `just review` does, and without leaving bytecode in a service that others read."""
    return subprocess.run(
        [sys.executable, "-B", "-m", "tests.review", *arguments],
        cwd=service,
        capture_output=True,
        check=False,
        text=True,
    )


def findings(said: str) -> set[Found]:
    return {Found(each["path"], int(each["line"]), each["guard"]) for each in SAID.finditer(said)}


def expected(path: Path, name: str) -> set[Found]:
    """What the marks in a file say."""
    return {
        Found(name, number + int(mark["below"] or 0), guard)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if (mark := MARK.search(line))
        for guard in mark["guards"].split(", ")
    }


def with_features(path: Path, source: Path) -> Path:
    """A service whose features are those of a folder."""
    shutil.copytree(rendered(FULL).path, path)
    shutil.copytree(source, path / "app" / "features" / source.name)
    return path


def test_it_names_every_fault_and_nothing_else(tmp_path: Path) -> None:
    service = with_features(tmp_path / "orders", HERE / "planted")
    wanted = {
        found
        for path in (HERE / "planted").glob("*.py")
        for found in expected(path, f"app/features/planted/{path.name}")
    }

    outcome = review(service)

    assert findings(outcome.stdout) == wanted, outcome.stderr
    assert outcome.returncode == 1
    # A line says what it is; the two below it what it costs, and what to do instead.
    assert outcome.stdout.count("    Costs: ") == outcome.stdout.count("    Instead: ") > FORMS
    forms = [found.guard for found in wanted]
    assert {guard for guard in forms if forms.count(guard) < FORMS} == set()
    assert {guard for guard, where in explained() if where == "in the code"} == {*forms} - {
        "acceptance"
    }


@pytest.mark.parametrize("style", sorted(p.name for p in (HERE / "styles").iterdir()))
def test_it_has_nothing_to_say_about_good_code(tmp_path: Path, style: str) -> None:
    service = with_features(tmp_path / "orders", HERE / "styles")
    others = [p for p in (service / "app/features/styles").iterdir() if p.name != style]
    for other in others:
        shutil.rmtree(other)

    outcome = review(service)

    assert (outcome.stdout, outcome.stderr, outcome.returncode) == ("", "", 0)


@pytest.mark.parametrize("row", [*EVERY, *PRESETS])
def test_it_has_nothing_to_say_about_any_service(row: Row) -> None:
    project = rendered(row)
    code = code_of(project)
    if code not in REVIEWED:
        outcome = review(project.path)
        REVIEWED[code] = outcome.stdout + outcome.stderr
    assert REVIEWED[code] == ""


def code_of(project: Project) -> str:
    """What is reviewed, as a short text: many combinations have the same."""
    seen = sha256()
    for path, text in project.files.items():
        if path.startswith("app/") and not path.startswith("app/core/"):
            seen.update(f"{path}\n{text}".encode())
    return seen.hexdigest()


@cache
def explained() -> list[tuple[str, str]]:
    """The guards of a service that has everything, and when they look."""
    outcome = review(rendered(FULL).path, "--explain")
    assert outcome.returncode == 0, outcome.stderr
    return re.findall(r"^([\w-]+) \((.+)\)$", outcome.stdout, re.MULTILINE)
