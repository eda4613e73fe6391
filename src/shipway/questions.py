"""The questions of `copier.yml`, read without Copier, which takes its time to import."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

from shipway import errors

Answers: TypeAlias = dict[str, object]


@dataclass(frozen=True)
class Question:
    key: str
    choices: tuple[str, ...]
    """Empty where any answer goes that Copier's validator lets through."""
    default: str
    """As `copier.yml` has it: often an expression."""
    is_asked: bool
    """False for a value that `copier.yml` derives from other answers."""
    is_conditional: bool


def read_yaml(path: Path) -> Answers:
    """The mapping a file holds; empty where it holds anything else."""
    content: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {str(key): value for key, value in content.items()} if isinstance(content, dict) else {}


def load(root: Path) -> dict[str, Question]:
    """Every question of the template, in the order in which it is asked."""
    config = read_yaml(root / "copier.yml")
    return {
        key: _question(key, details)
        for key, details in config.items()
        if not key.startswith("_") and isinstance(details, dict)
    }


def _question(key: str, details: Mapping[object, object]) -> Question:
    when = details.get("when", True)
    return Question(
        key=key,
        choices=tuple(_choices(details.get("choices"))),
        default=written(details.get("default")),
        is_asked=when is not False,
        is_conditional="when" in details,
    )


def _choices(choices: object) -> Iterable[str]:
    """The values of a list or of a mapping from label to value; none of a Jinja string."""
    if isinstance(choices, dict):
        values: Iterable[object] = choices.values()
    elif isinstance(choices, list):
        values = (item[1] if isinstance(item, list) else item for item in choices)
    else:
        values = ()
    for value in values:
        yield written(value["value"] if isinstance(value, dict) else value)


def written(value: object) -> str:
    """An answer as one writes it on the command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def asked(questions: Mapping[str, Question]) -> list[str]:
    return [question.key for question in questions.values() if question.is_asked]


def parse(pairs: Iterable[str]) -> Answers:
    """`["cache=none"]` as answers."""
    answers: Answers = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise errors.malformed_pair(pair)
        add(answers, key, value)
    return answers


def add(answers: Answers, key: str, value: object) -> None:
    """Add an answer, unless another one was given already."""
    if answers.setdefault(key, value) != value:
        raise errors.given_twice(key, answers[key], value)


def check(questions: Mapping[str, Question], answers: Mapping[str, object]) -> None:
    """Refuse what Copier would ignore (an unknown key) or meet with a traceback (a bad choice)."""
    for key, value in answers.items():
        question = questions.get(key)
        if question is None or not question.is_asked:
            raise errors.unknown_key(key, asked(questions))
        if question.choices and written(value) not in question.choices:
            raise errors.bad_choice(key, written(value), question.choices)
