"""copier.yml: its questions, the folders that its choices name, and what it must not do."""

import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import matrix
import pytest
import yaml
from jinja2 import meta, nodes
from matrix import BUILTINS, JINJA, questions
from packaging.requirements import Requirement
from packaging.version import Version
from rendering import render
from workbench import REPOSITORY, answers_of

CONFIG: dict[str, object] = yaml.safe_load((REPOSITORY / "copier.yml").read_text(encoding="utf-8"))
ANSWERS_FILE = "{{ _copier_conf.answers_file }}.jinja"
# What Copier itself, and the command, put beside the answers.
COPIERS = {"_copier_answers", "_copier_conf", "_copier_operation", "_folder_name", "_origin"}

# Filters and functions that give something else each time.
UNSTABLE = {"lipsum", "now", "password_hash", "random", "random_mac", "shuffle", "strftime"}

GOOD = {
    "service_name": ["orders", "orders-api", "a", "v2-0", "a" * 40],
    "description": ["Takes orders.", "It's for 'ships' & {crew}: 100 %, naïve #1."],
    "author": ["Ada Lovelace", "O'Hara & Sons, Ltd. <ohara@example.org>"],
}
BAD = {
    "service_name": [
        *("", "Orders", "9lives", "a--b", "a-", "-a", "a_b", "a b", "ü", "a.b", "orders\n"),
        "a" * 41,
    ],
    "description": ["", "   ", 'Takes "orders".', "Two\nlines", "C:\\orders", "tab\there"],
    "author": ["", "   ", 'Ada "Countess" Lovelace', "Ada\nLovelace", "ACME\\Ada", "\x00"],
}
# Not questions: they follow from the answers.
DERIVED = ("ledger", "relay", "transport")
FOLDERS = {
    "orders": "orders",
    "My Service": "my-service",
    "9lives": "lives",
    "___": "service",
    "ü": "service",
    "a--b_": "a-b",
    "x" * 41: "x" * 40,
    "y" * 39 + "-z": "y" * 39,
}


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The questions with nothing to render but the answers."""
    path = tmp_path_factory.mktemp("survey")
    (path / "copier.yml").write_bytes((REPOSITORY / "copier.yml").read_bytes())
    (path / "template").mkdir()
    answers = (REPOSITORY / "template" / ANSWERS_FILE).read_bytes()
    (path / "template" / ANSWERS_FILE).write_bytes(answers)
    return path


def sources() -> dict[str, str]:
    """Everything that Copier reads as a template."""
    return {
        path.relative_to(REPOSITORY).as_posix(): path.read_text(encoding="utf-8")
        for pattern in ("template/**/*.jinja", "backends/*/*/*")
        for path in REPOSITORY.glob(pattern)
        if path.is_file()
    }


def exclusions() -> list[str]:
    excluded = CONFIG["_exclude"]
    assert isinstance(excluded, list)
    return [str(entry) for entry in excluded]


def cases(table: dict[str, list[str]]) -> list[object]:
    return [
        pytest.param(key, value, id=f"{key}={value!a}") for key in table for value in table[key]
    ]


@pytest.mark.parametrize("axis", [*matrix.axes(), "license"])
def test_a_choice_is_a_folder_and_a_folder_a_choice(axis: str) -> None:
    folders = {path.name for path in (REPOSITORY / "backends" / axis).iterdir() if path.is_dir()}
    choices = {str(choice.value) for choice in questions()[axis].choices}
    # What is off may have nothing to swap in.
    assert folders | {"none"} == choices | {"none"}
    assert folders <= choices


def test_a_folder_of_backends_is_a_question() -> None:
    folders = {path.name for path in (REPOSITORY / "backends").iterdir() if path.is_dir()}
    assert folders == {*matrix.axes(), "license", *DERIVED}


@pytest.mark.parametrize("axis", DERIVED)
def test_what_follows_from_answers_is_a_folder(axis: str) -> None:
    folders = {path.name for path in (REPOSITORY / "backends" / axis).iterdir()}
    assert folders == {matrix.answer(row, axis) for row in matrix.every_combination()}


@pytest.mark.parametrize("question", questions().values(), ids=questions())
def test_a_question_has_a_default_and_says_what_it_is_about(question: matrix.Question) -> None:
    assert question.default
    if question.is_derived:
        return
    assert question.help.endswith(("?", ".")), "help is a sentence"
    if question.choices:
        assert question.default in {str(choice.value) for choice in question.choices}
    else:
        assert question.validator
        assert {question.key} <= GOOD.keys() & BAD.keys(), "its validator is tested"


@pytest.mark.parametrize(("key", "value"), cases(GOOD))
def test_good_text_is_taken(survey: Path, tmp_path: Path, key: str, value: str) -> None:
    render(survey, tmp_path / "orders", {key: value})
    assert answers_of(tmp_path / "orders")[key] == value


@pytest.mark.parametrize(("key", "value"), cases(BAD))
def test_bad_text_is_refused(survey: Path, tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"^Validation error for question '{key}': "):
        render(survey, tmp_path / "orders", {key: value})


@pytest.mark.parametrize(("folder", "name"), FOLDERS.items())
def test_the_name_comes_from_the_folder(
    survey: Path, tmp_path: Path, folder: str, name: str
) -> None:
    render(survey, tmp_path / folder, {})
    assert answers_of(tmp_path / folder)["service_name"] == name


@pytest.mark.parametrize(
    "setting", ["_tasks", "_migrations", "_jinja_extensions", "_skip_if_exists"]
)
def test_nothing_asks_for_trust_or_brings_back_what_was_deleted(setting: str) -> None:
    assert setting not in CONFIG


def test_the_command_brings_a_copier_that_can_read_this() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    copier = next(r for r in map(Requirement, project["dependencies"]) if r.name == "copier")
    oldest = next(s.version for s in copier.specifier if s.operator == ">=")
    assert Version(str(CONFIG["_min_copier_version"])) == Version(oldest)


def test_what_an_interpreter_leaves_behind_is_excluded() -> None:
    assert {"__pycache__", "*.py[co]"} <= set(exclusions())


def footprints() -> list[str]:
    return [line for entry in exclusions() for line in entry.split("\n") if line.startswith("/")]


@pytest.mark.parametrize("pattern", sorted(set(footprints())))
def test_an_exclusion_matches_something(pattern: str) -> None:
    template = REPOSITORY / "template"
    found = [*template.glob(pattern[1:]), *template.glob(f"{pattern[1:]}.jinja")]
    assert found, f"copier.yml excludes {pattern}, which is not in the template"


@pytest.mark.parametrize("entry", [e for e in exclusions() if "{%" in e], ids=str.split)
@pytest.mark.parametrize("operation", ["copy", "update"])
def test_an_exclusion_can_be_read_with_the_answers_of_an_older_version(
    entry: str, operation: str
) -> None:
    copier = {"_copier_operation": operation, "_copier_conf": SimpleNamespace(exclude=[])}
    for row in matrix.every_combination():
        for unknown in ({*row}, *({key} for key in row)):
            known = {key: value for key, value in row.items() if key not in unknown}
            # Raises where it takes an answer for granted.
            matrix.render(entry, {**BUILTINS, **known, **copier})


@pytest.mark.parametrize("path", sorted(sources()))
def test_a_file_knows_only_what_is_asked(path: str) -> None:
    syntax = JINJA.parse(sources()[path])
    assert meta.find_undeclared_variables(syntax) <= questions().keys() | COPIERS


def test_every_question_is_good_for_something() -> None:
    derived = [q.default for q in questions().values() if q.is_derived]
    texts = [*sources().values(), *derived]
    used = {name for text in texts for name in meta.find_undeclared_variables(JINJA.parse(text))}
    assert questions().keys() <= used


@pytest.mark.parametrize("path", sorted(sources()))
def test_a_file_is_the_same_at_every_rendering(path: str) -> None:
    syntax = JINJA.parse(sources()[path])
    filters = {node.name for node in syntax.find_all(nodes.Filter)}
    called = {node.name for node in syntax.find_all(nodes.Name)}
    assert not (filters | called) & UNSTABLE


def test_nothing_generated_is_in_the_template() -> None:
    names = {path.name for path in (REPOSITORY / "template").rglob("*") if path.is_file()}
    assert not {name for name in names if re.fullmatch(r".*\.lock|.*\.db|\.env", name)}
