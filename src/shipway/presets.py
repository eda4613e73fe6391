"""Named answer sets: each is a file of `presets/`, which plain Copier takes as `--data-file`."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from shipway import errors, questions
from shipway.questions import Answers, Question


@dataclass(frozen=True)
class Preset:
    name: str
    description: str
    answers: Answers


def load_all(root: Path, known: dict[str, Question]) -> list[Preset]:
    """Every preset of the template, its answers checked, by name."""
    return [_load(path, known) for path in sorted((root / "presets").glob("*.yml"))]


def load(root: Path, name: str, known: dict[str, Question]) -> Preset:
    """The preset of that name."""
    names = [path.stem for path in sorted((root / "presets").glob("*.yml"))]
    if name not in names:
        raise errors.unknown_preset(name, names)
    return _load(root / "presets" / f"{name}.yml", known)


def _load(path: Path, known: dict[str, Question]) -> Preset:
    try:
        answers = questions.read_yaml(path)
        questions.check(known, answers)
    except (errors.UserError, yaml.YAMLError) as error:
        raise errors.broken_preset(path.stem, " ".join(str(error).split())) from error
    return Preset(path.stem, _description(path), answers)


def _description(path: Path) -> str:
    """The first line of the file, which is a comment."""
    first, *_ = path.read_text(encoding="utf-8").splitlines() or [""]
    return first.removeprefix("#").strip()
