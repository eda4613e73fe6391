"""The matrix itself: what it claims to cover, it covers, with and without constraints."""

import os
import subprocess
import sys
from collections.abc import Collection, Iterable
from contextlib import suppress
from itertools import product
from pathlib import Path

import matrix
import pytest
from matrix import Question, Row
from rendering import render
from workbench import answers_of

CONSTRAINED = """
_answers_file: .copier-answers.yml
queue: {type: str, default: none, choices: [none, celery, dramatiq]}
broker:
  type: str
  default: redis
  when: "{{ queue != 'none' }}"
  choices:
    Redis: redis
    RabbitMQ: rabbitmq
    NATS: {value: nats, validator: "{% if queue != 'dramatiq' %}Dramatiq's alone.{% endif %}"}
tracing:
  type: bool
  default: false
  validator: "{% if tracing and queue == 'none' %}Nothing to trace.{% endif %}"
"""


def real() -> Collection[Question]:
    return matrix.questions().values()


def constrained() -> Collection[Question]:
    return matrix.parse(CONSTRAINED).values()


def all_pairs(rows: Iterable[Row]) -> set[matrix.Pair]:
    return {pair for row in rows for pair in matrix.pairs(row)}


@pytest.mark.parametrize("asked", [real(), constrained()], ids=["real", "constrained"])
def test_the_covering_array_has_every_feasible_pair_and_no_other(
    asked: Collection[Question],
) -> None:
    feasible = list(matrix.rows(asked))
    covering = matrix.cover(asked)

    assert all_pairs(covering) == all_pairs(feasible)
    assert all(row in feasible for row in covering)
    assert len(covering) <= len(feasible)


def test_a_constraint_counts_as_it_does_for_copier(tmp_path: Path) -> None:
    template = tmp_path / "template"
    template.mkdir()
    (template / "copier.yml").write_text(CONSTRAINED)
    answers_file = template / "{{ _copier_conf.answers_file }}.jinja"
    answers_file.write_text("{{ _copier_answers | to_nice_yaml }}")
    accepted = set[frozenset[tuple[str, object]]]()

    offers = [[(q.key, choice.value) for choice in q.choices] for q in constrained()]
    for number, answers in enumerate(product(*offers)):
        service = tmp_path / str(number)
        with suppress(ValueError):
            render(template, service, dict(answers))
            recorded = answers_of(service).items()
            accepted.add(frozenset(answer for answer in recorded if not answer[0].startswith("_")))

    assert accepted == {frozenset(row.items()) for row in matrix.rows(constrained())}


def test_every_combination_of_the_stack_is_there() -> None:
    def stack(row: Row) -> tuple[matrix.Answer | None, ...]:
        return tuple(row.get(axis) for axis in matrix.shaping())

    every = {stack(row) for row in matrix.every_combination()}
    assert every == {stack(row) for row in matrix.rows(real())}


def test_every_choice_of_every_question_is_there() -> None:
    every = {answer for row in matrix.every_combination() for answer in row.items()}
    assert every == {answer for row in matrix.rows(real()) for answer in row.items()}


def test_the_rows_are_the_same_in_every_process() -> None:
    def printed(seed: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", "import matrix; print(matrix.every_combination())"],
            cwd=Path(__file__).parent,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout

    assert printed("1") == printed("2") != ""


@pytest.mark.parametrize("preset", matrix.presets().values(), ids=matrix.presets())
def test_a_preset_is_a_set_of_answers_that_copier_accepts(preset: Row) -> None:
    assert set(preset) <= {q.key for q in real() if not q.is_derived}
    asked = {axis for axis in matrix.axes() if matrix.questions()[axis].when == "True"}
    assert set(preset) >= asked, "a preset says what the whole stack is"
    assert next(matrix.rows(real(), preset), None) is not None
