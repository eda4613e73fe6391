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


def with_features(path: Path, source: Path, row: Row = FULL) -> Path:
    """A service whose features are those of a folder."""
    shutil.copytree(rendered(row).path, path)
    shutil.copytree(source, path / "app" / "features" / source.name)
    return path


@pytest.mark.parametrize("database", ["sqlite", "postgresql", "mysql"])
def test_it_names_every_fault_and_nothing_else(tmp_path: Path, database: str) -> None:
    service = with_features(tmp_path / "orders", HERE / "planted", {**FULL, "database": database})
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


# The twelve points and the eight issues of the checklist, by words of the row that has them.
CHECKLIST = {
    "I/O is `async def`": "what waits is `async def`",
    "no blocking calls": "nothing blocks the event loop",
    "background tasks": "what need not be waited for is a task",
    "caching of what is expensive": "routes that are dear are known",
    "pool of connections": "the pool of connections fits",
    "no N+1": "no N+1",
    "HTTP client reused": "HTTP clients and connections are opened once",
    "parallel calls": "run side by side",
    "streamed exports": "exports are streamed",
    "compression": "answers are compressed",
    "monitoring": "the service is watched",
    "log of slow queries": "slow queries are logged",
    "issue 2, connections per request": "no request has one of its own",
    "issue 6, large bodies": "answers are short",
    "issue 7, indexes": "has an index, which the database uses",
    "issue 8, synchronous libraries": "no synchronous library",
    "invalidation": "what is cached hears of changes",
    "lost updates, late commits, early tasks": "no update is lost",
}


def test_the_table_of_the_service_and_its_guards_are_one() -> None:
    files = rendered(FULL).files
    _, _, section = files["ARCHITECTURE.md"].partition("## What a reviewer looks for")
    rows = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    named = set(re.findall(r"`([\w./-]+)`", " ".join(row.rsplit("|", 2)[1] for row in rows)))

    assert {guard for guard, _ in explained()} == {name for name in named if "/" not in name}
    assert {name for name in named if "/" in name} <= files.keys()
    assert {point for point, words in CHECKLIST.items() if words not in section} == set()


@cache
def explained() -> list[tuple[str, str]]:
    """The guards of a service that has everything, and when they look."""
    outcome = review(rendered(FULL).path, "--explain")
    assert outcome.returncode == 0, outcome.stderr
    return re.findall(r"^([\w-]+) \((.+)\)$", outcome.stdout, re.MULTILINE)
