"""Every combination: what is rendered is what a person would have written, and left clean."""

import ast
import configparser
import json
import re
import subprocess
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pytest
import yaml
from matrix import Row, one_per_stack, questions
from rendering import EVERY, Project, every_row, render, rendered, template
from workbench import ANSWERS, REPOSITORY, SCRIPTS, tree

# The longest and oddest that the questions let through.
ODD: Row = {
    "service_name": "x" * 40,
    "description": "It's for 'ships' & {crew}: 100 %, naïve #1." + " and more" * 10,
    "author": "O'Hara & Sons, Ltd. <ohara@example.org>",
}
with_odd_text = pytest.mark.parametrize("row", [*EVERY, pytest.param(ODD, id="odd")])

PARSERS: Mapping[str, Callable[[str], object]] = {
    ".toml": tomllib.loads,
    ".json": json.loads,
    ".yaml": lambda text: list(yaml.safe_load_all(text)),
    ".yml": lambda text: list(yaml.safe_load_all(text)),
    ".ini": configparser.RawConfigParser().read_string,
    ".importlinter": lambda text: configparser.RawConfigParser().read_string(text),
}
BLANK_LINES = re.compile(r"\A\n|\n\n\n|\n\n\Z")

# `${{` is GitHub's, `${#` the shell's. Double braces are others' too (just, Grafana, Prometheus):
# there it is a leftover if it names a question.
NAMES = "|".join([*questions(), r"_copier\w+", "axis", "choice"])
LEFTOVER = re.compile(r"\{%|(?<!\$)\{#|\{\{[^}]*\b(" + NAMES + r")\b")

# Where a service may say which template it comes from: how it is kept up to date.
ORIGIN = {
    "README.md": "Rendered by shipway.",
    "justfile": "copier update",
}


@with_odd_text
def test_every_file_parses(row: Row) -> None:
    for path, text in rendered(row).files.items():
        parse_once(Path(path).suffix or Path(path).name, text)


@cache
def parse_once(kind: str, text: str) -> None:
    """Raise what stands in the way. Most services have the file in common."""
    parse = PARSERS.get(kind)
    if parse is not None:
        parse(text)


@with_odd_text
def test_python_parses_on_the_oldest_that_is_supported(row: Row) -> None:
    oldest = str(row.get("python_version", questions()["python_version"].default))
    version = tuple(map(int, oldest.split(".")))
    assert len(version) == 2
    for path, text in rendered(row).files.items():
        if path.endswith(".py"):
            parse_as(version, path, text)


@cache
def parse_as(version: tuple[int, int], path: str, text: str) -> None:
    """Raise a `SyntaxError` for what that Python doesn't know. Most services have it in common."""
    ast.parse(text, filename=path, feature_version=version)


@every_row
def test_no_tag_is_left(row: Row) -> None:
    assert found(rendered(row), LEFTOVER) == []


@with_odd_text
def test_no_space_is_left_at_the_end_of_a_line(row: Row) -> None:
    assert found(rendered(row), re.compile(r"[ \t\r]$", re.MULTILINE)) == []


@with_odd_text
def test_no_tag_left_a_gap(row: Row) -> None:
    """Python's blank lines are the formatter's business; a licence is quoted as it is."""
    others = (".py", ".py.mako", "LICENSE")
    files = {p: text for p, text in rendered(row).files.items() if not p.endswith(others)}
    assert [path for path, text in files.items() if BLANK_LINES.search(text)] == []


@with_odd_text
def test_every_file_ends_with_its_last_line(row: Row) -> None:
    files = rendered(row).files
    assert [path for path, text in files.items() if text and not text.endswith("\n")] == []


@with_odd_text
@pytest.mark.parametrize("command", ["check --quiet", "format --check --quiet"])
def test_ruff_has_nothing_to_say(row: Row, command: str) -> None:
    """With the service's own rules; nothing formats it after rendering."""
    said = subprocess.run(
        [SCRIPTS / "ruff", *command.split(), "--no-cache", "--output-format=concise"],
        cwd=rendered(row).path,
        capture_output=True,
        check=False,
        text=True,
    )
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


@pytest.mark.xdist_group("stacks")
@pytest.mark.parametrize("row", one_per_stack(), ids=lambda row: "-".join(map(str, row.values())))
def test_another_rendering_is_the_same(row: Row, tmp_path: Path) -> None:
    render(template(), tmp_path / "orders", row)
    first, again = rendered(row).files, tree(tmp_path / "orders")
    assert {
        path for path in first.keys() | again.keys() if first.get(path) != again.get(path)
    } == set()


@every_row
def test_the_template_is_named_where_it_matters_alone(row: Row) -> None:
    project = rendered(row)
    lines = [
        f"{path}:{number}: {line}"
        for path, text in project.files.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if re.search("shipway|copier", f"{path}:{line}", re.IGNORECASE)
        if path != ANSWERS and ORIGIN.get(path, "\n") not in line
    ]
    assert lines == []


@every_row
def test_what_is_executable_is_a_script(row: Row) -> None:
    project = rendered(row)
    executable = {p for p in project.files if (project.path / p).stat().st_mode & 0o111}
    assert executable == {p for p, text in project.files.items() if text.startswith("#!")}


def test_every_file_of_the_template_is_rendered_for_somebody() -> None:
    files = (p for p in (REPOSITORY / "template").rglob("*") if p.is_file())
    expected = {p.relative_to(REPOSITORY / "template").as_posix() for p in files}
    everywhere = {path for row in one_per_stack() for path in rendered(row).files}
    assert {p.removesuffix(".jinja") for p in expected if "{{" not in p} <= everywhere


def found(project: Project, pattern: re.Pattern[str]) -> list[str]:
    """Each place where the pattern occurs, as `path:line: text`."""
    return [
        f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for path, text in project.files.items()
        for match in pattern.finditer(text)
    ]
