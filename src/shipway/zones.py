"""Whose a rendered file is. Declared in `copier.yml`: the entry of `_exclude` for updates."""

from collections.abc import Iterable
from pathlib import Path

from shipway.questions import read_yaml

ANSWERS = ".copier-answers.yml"
SHARED = ("pyproject.toml", "uv.lock")


def yours(root: Path) -> tuple[str, ...]:
    """The paths that an update leaves alone; a directory stands for all that is in it."""
    entries = read_yaml(root / "copier.yml").get("_exclude")
    texts = [str(entry) for entry in entries] if isinstance(entries, list) else []
    return tuple(
        line.strip().strip("/")
        for text in texts
        if '_copier_operation == "update"' in text
        for line in text.splitlines()
        if line.startswith("/")
    )


def is_yours(path: str, patterns: Iterable[str]) -> bool:
    return any(path == pattern or path.startswith(f"{pattern}/") for pattern in patterns)


def is_platform(path: str, patterns: Iterable[str]) -> bool:
    """Whether the template alone writes this file."""
    return path != ANSWERS and path not in SHARED and not is_yours(path, patterns)


def platform_files(rendered: Path, patterns: tuple[str, ...]) -> list[str]:
    """What the template alone writes of a rendered service."""
    names = (f.relative_to(rendered).as_posix() for f in rendered.rglob("*") if not f.is_dir())
    return sorted(name for name in names if is_platform(name, patterns))
