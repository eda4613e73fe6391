"""Whose a file is decides what an update may do to it."""

from pathlib import Path

import pytest
from workbench import REPOSITORY, Bench, Template, append, clone, copy, succeeded, tree

from shipway import zones
from shipway.questions import read_yaml

YOURS = zones.yours(REPOSITORY)


def test_the_zone_is_written_as_plain_paths() -> None:
    assert YOURS
    for pattern in YOURS:
        assert not set("*?[]{}!") & set(pattern), pattern


def test_nothing_asks_for_trust() -> None:
    config = read_yaml(REPOSITORY / "copier.yml")
    assert not {"_tasks", "_migrations", "_jinja_extensions"} & config.keys()


def test_every_file_has_one_owner(orders: Path) -> None:
    files = tree(orders)
    for name in files:
        owners = (
            zones.is_yours(name, YOURS),
            name in zones.SHARED,
            zones.is_platform(name, YOURS) or name == zones.ANSWERS,
        )
        assert sum(owners) == 1, name
    for pattern in YOURS:
        assert any(zones.is_yours(name, [pattern]) for name in files), f"{pattern} is no file"


@pytest.fixture(scope="module")
def newer(bench: Bench) -> tuple[Template, Path]:
    """A service, and a template that has since changed every one of its owner's files."""
    template = clone(bench, bench.root / "zones" / "shipway", tag="v0.0.1")
    service = template.start(bench.root / "zones" / "orders")
    for file in sorted((template.path / "template").rglob("*")):
        name = file.relative_to(template.path / "template").as_posix().removesuffix(".jinja")
        if file.is_file() and zones.is_yours(name, YOURS):
            append(file, "\n# The template's second thoughts.\n")
    for pattern in YOURS:
        directory = template.path / "template" / pattern
        if directory.is_dir():
            (directory / "second_thoughts.py").write_text("# The template's.\n")
    append(template.path / "template" / "justfile.jinja", "\n# The template's second thoughts.\n")
    template.commit("v0.0.2")
    return template, service


@pytest.mark.parametrize("door", ["shipway", "copier"])
def test_an_update_leaves_the_owners_files_alone(
    newer: tuple[Template, Path], door: str, tmp_path: Path
) -> None:
    template, original = newer
    service = copy(original, tmp_path / "orders")
    before = tree(service)
    if door == "shipway":
        succeeded(template.shipway("update", service))
    else:
        succeeded(template.copier("update", "--defaults", "--quiet", service))
    after = tree(service)
    assert before.keys() == after.keys()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"justfile", zones.ANSWERS}


def test_check_names_the_platform_files_that_were_edited(
    newer: tuple[Template, Path], tmp_path: Path
) -> None:
    template, original = newer
    service = copy(original, tmp_path / "orders")
    for name in ("app/main.py", "app/features/posts/service.py", "pyproject.toml", "ruff.toml"):
        append(service / name, "\n# Ours.\n")
    (service / "app" / "core" / "pagination.py").unlink()
    outcome = succeeded(template.shipway("check", service))
    assert outcome.stdout.splitlines() == [
        "At v0.0.1; the template is at v0.0.2. Run `shipway update`",
        "Edited, though the platform owns them (an update merges):",
        "  ruff.toml",
        "Deleted, though the platform owns them (an update leaves it so):",
        "  app/core/pagination.py",
    ]
