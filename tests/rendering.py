"""Services rendered within the process of the test, each once per worker: 0.25 s instead of 1."""

import ast
import atexit
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import copier
import plumbum
import pytest
from matrix import Answer, Row, every_combination, name
from workbench import NOT_CLONED, REPOSITORY

# All tests about one row run in one worker, which renders it once.
EVERY = [
    pytest.param(row, id=name(row), marks=pytest.mark.xdist_group(name(row)))
    for row in every_combination()
]
every_row = pytest.mark.parametrize("row", EVERY)


@dataclass(frozen=True)
class Project:
    """A rendered service. Not to be changed."""

    path: Path
    answers: Row

    @cached_property
    def files(self) -> dict[str, str]:
        """The text of every file, by path."""
        return {
            path.relative_to(self.path).as_posix(): shared(path.read_text(encoding="utf-8"))
            for path in sorted(self.path.rglob("*"))
            if path.is_file()
        }

    @cached_property
    def modules(self) -> dict[str, ast.Module]:
        """The syntax of every Python file, by path."""
        files = self.files.items()
        return {path: parsed(path, text) for path, text in files if path.endswith(".py")}


@cache
def shared(text: str) -> str:
    """The same text, in memory once: most services have it in common."""
    return text


@cache
def parsed(path: str, text: str) -> ast.Module:
    """The syntax of a file, which most services have in common. Not to be changed."""
    return ast.parse(text, filename=path)


def rendered(row: Row) -> Project:
    """The service with these answers."""
    return _rendered(tuple(row.items()))


@cache
def _rendered(answers: tuple[tuple[str, Answer], ...]) -> Project:
    path = Path(tempfile.mkdtemp(dir=scratch())) / "orders"
    render(template(), path, dict(answers))
    return Project(path, dict(answers))


def render(source: Path, destination: Path, answers: Mapping[str, object]) -> None:
    """Render with Copier, as `copier copy --defaults` does, apart from the user's settings.

    Without git in reach: Copier asks it about each file that it writes, which takes as long as
    the rendering itself.
    """
    with plumbum.local.env(PATH=""):
        copier.run_copy(
            str(source),
            destination,
            dict(answers),
            settings=copier.Settings(),
            defaults=True,
            quiet=True,
        )


@cache
def template() -> Path:
    """The template as plain files: from a repository, Copier would take a clone each time."""
    copy = scratch() / "template"
    copy.mkdir()
    shutil.copy(REPOSITORY / "copier.yml", copy)
    for folder in ("template", "backends"):
        shutil.copytree(REPOSITORY / folder, copy / folder, ignore=NOT_CLONED, symlinks=True)
    return copy


@cache
def scratch() -> Path:
    """A directory that goes with the process."""
    path = Path(tempfile.mkdtemp(prefix="shipway-tests-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path
