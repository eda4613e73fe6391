"""What copier.yml asks, and which sets of answers are worth rendering.

A row is a set of answers to the questions that offer choices, in the order in which Copier asks
them. A question that Copier would skip (`when`) is not in the row, and a row in which Copier would
refuse a choice (its `validator`) does not exist.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from typing import TypeAlias

import yaml
from jinja2 import StrictUndefined, Template
from jinja2.sandbox import SandboxedEnvironment
from jinja2_ansible_filters import AnsibleCoreFiltersExtension
from workbench import REPOSITORY

Answer: TypeAlias = str | int
Row: TypeAlias = Mapping[str, Answer]
Pair: TypeAlias = tuple[tuple[str, Answer], tuple[str, Answer]]
# `None` for a question that must not be asked.
Fixed: TypeAlias = Mapping[str, Answer | None]
# How much a row gains by an answer to a question. The highest is tried first.
Gain: TypeAlias = Callable[[Row, str, Answer], tuple[int, ...]]

# What Copier renders copier.yml with.
JINJA = SandboxedEnvironment(
    extensions=[AnsibleCoreFiltersExtension], undefined=StrictUndefined, keep_trailing_newline=True
)
BUILTINS: Mapping[str, object] = {"_folder_name": "orders", "_copier_operation": "copy"}


@dataclass(frozen=True)
class Choice:
    value: Answer
    refusal: str = ""
    """Jinja. Copier refuses the choice where it renders to anything."""


@dataclass(frozen=True)
class Question:
    key: str
    choices: tuple[Choice, ...]
    """Empty where any text goes."""
    default: str
    when: str
    help: str
    validator: str

    @property
    def is_derived(self) -> bool:
        """Whether the answer is never asked for."""
        return self.when == "False"

    def is_asked(self, context: Mapping[str, object]) -> bool:
        return _is_true(render(self.when, context))

    def accepts(self, choice: Choice, context: Mapping[str, object]) -> bool:
        context = {**context, self.key: choice.value}
        return not any(render(text, context).strip() for text in (choice.refusal, self.validator))


def render(source: str, context: Mapping[str, object]) -> str:
    return _compile(source).render(context)


@cache
def _is_true(text: str) -> bool:
    return yaml.safe_load(text) is True


@cache
def _compile(source: str) -> Template:
    return JINJA.from_string(source)


def parse(text: str) -> dict[str, Question]:
    """The questions of a copier.yml."""
    config: dict[str, object] = yaml.safe_load(text)
    return {
        key: Question(
            key=key,
            choices=tuple(_choices(details)),
            default=str(details.get("default", "")),
            when=str(details.get("when", True)),
            help=str(details.get("help", "")),
            validator=str(details.get("validator", "")),
        )
        for key, details in config.items()
        if not key.startswith("_") and isinstance(details, dict)
    }


def _choices(details: Mapping[object, object]) -> Iterator[Choice]:
    choices = details.get("choices", [True, False] if details.get("type") == "bool" else [])
    if isinstance(choices, dict):
        offered: Iterable[object] = choices.values()
    elif isinstance(choices, list):
        offered = (item[1] if isinstance(item, list) else item for item in choices)
    else:
        raise TypeError(choices)  # computed by Jinja: nobody could list what there is to test
    for item in offered:
        value, refusal = item, ""
        if isinstance(item, dict):
            value, refusal = item["value"], str(item.get("validator", ""))
        assert isinstance(value, str | int)
        yield Choice(value, refusal)


@cache
def questions() -> Mapping[str, Question]:
    return parse((REPOSITORY / "copier.yml").read_text(encoding="utf-8"))


def axes() -> list[str]:
    """The questions that make up the stack: a choice is a folder in backends/<axis>/."""
    return re.findall(r"backends/(\w+)/", questions()["folders"].default)


# They watch the service from outside, and shape no other part of it.
WATCHERS = {"tracing", "errors"}


def shaping() -> list[str]:
    """The axes that shape one another's parts of a service."""
    return [axis for axis in axes() if axis not in WATCHERS]


def rows(
    asked: Iterable[Question], fixed: Fixed | None = None, gain: Gain | None = None
) -> Iterator[Row]:
    """Every row that Copier would accept and that has the fixed answers, those that gain first."""
    return _complete(tuple(asked), {}, dict(BUILTINS), fixed or {}, gain)


def _complete(
    left: tuple[Question, ...],
    row: Row,
    context: Mapping[str, object],
    fixed: Fixed,
    gain: Gain | None,
) -> Iterator[Row]:
    if not left:
        yield row
        return
    question, rest = left[0], left[1:]
    is_fixed = question.key in fixed
    required = fixed.get(question.key)
    is_asked = question.is_asked(context)
    if not is_asked or not question.choices:
        if is_fixed and (required is None) == is_asked:
            return
        value = render(question.default, context) if required is None else required
        yield from _complete(rest, row, {**context, question.key: value}, fixed, gain)
        return
    values = [c.value for c in question.choices if question.accepts(c, context)]
    if gain is not None:
        values.sort(key=lambda value: gain(row, question.key, value), reverse=True)
    for value in values:
        if not is_fixed or value == required:
            extended = {question.key: value}
            yield from _complete(rest, {**row, **extended}, {**context, **extended}, fixed, gain)


def pairs(row: Row) -> Iterator[Pair]:
    """Every two answers of a row, in the order of the questions."""
    return combinations(row.items(), 2)


def cover(asked: Iterable[Question]) -> list[Row]:
    """Few rows in which every two answers that go together at all do so at least once."""
    asked = tuple(asked)
    offers = [[(q.key, choice.value) for choice in q.choices] for q in asked if q.choices]
    wanted = {pair: None for two in combinations(offers, 2) for pair in product(*two)}

    def gain(row: Row, key: str, value: Answer) -> tuple[int, ...]:
        answer = (key, value)
        return (
            sum((other, answer) in wanted for other in row.items()),
            sum(answer in pair for pair in wanted),
        )

    chosen: list[Row] = []
    while wanted:
        pair = next(iter(wanted))
        # Without a row for it, the pair is one that Copier refuses.
        found = next(rows(asked, dict(pair), gain), None)
        del wanted[pair]
        if found is not None:
            chosen.append(found)
            for covered in pairs(found):
                wanted.pop(covered, None)
    return chosen


@cache
def covering_array() -> tuple[Row, ...]:
    """Every pair of answers, in few rows."""
    return tuple(cover(questions().values()))


@cache
def every_combination() -> tuple[Row, ...]:
    """Every combination of the stack, the other answers spread over them, and every pair."""
    chosen = list(covering_array())
    used = Counter(answer for row in chosen for answer in row.items())
    seen = {_stack(row) for row in chosen}

    def gain(_row: Row, key: str, value: Answer) -> tuple[int, ...]:
        return (-used[key, value],)

    stack = [questions()[axis] for axis in shaping()]
    offers = [[*(choice.value for choice in q.choices), *_absence(q)] for q in stack]
    for answers in product(*offers):
        fixed: Fixed = dict(zip(shaping(), answers, strict=True))
        row = next(rows(questions().values(), fixed, gain), None)
        if row is not None and _stack(row) not in seen:
            seen.add(_stack(row))
            chosen.append(row)
            used.update(row.items())
    return tuple(chosen)


def one_per_stack() -> list[Row]:
    """A row for each combination of the stack that the covering array has."""
    return list({_stack(row): row for row in reversed(covering_array())}.values())


def answer(row: Row, key: str) -> Answer | None:
    """What a row says, or what follows from it."""
    context: dict[str, object] = {**BUILTINS, **row}
    for question in questions().values():
        # What isn't asked has its default all the same, for whatever follows from it.
        if question.key not in context:
            context[question.key] = render(question.default, context)
    return str(context[key]) if questions()[key].is_derived else row.get(key)


def _absence(question: Question) -> list[None]:
    return [] if question.when == "True" else [None]


def _stack(row: Row) -> tuple[Answer | None, ...]:
    return tuple(row.get(axis) for axis in shaping())


def name(row: Row) -> str:
    """A row as the id of a test."""
    return "-".join(str(value) for value in row.values())


def presets() -> dict[str, Row]:
    """The answers that each file in presets/ gives."""
    return {
        path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted((REPOSITORY / "presets").glob("*.yml"))
    }
