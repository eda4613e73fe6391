"""How a service is built, run and checked elsewhere: image, containers, CI, hooks, recipes."""

import json
import re
import subprocess
from fnmatch import fnmatch
from functools import cache
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose
from matrix import Row
from rendering import Project, every_row, rendered
from workbench import SCRIPTS

# DL3066: users are named in the image; a numeric one would have to exist there as well.
HADOLINT_IGNORED = ["DL3066"]
YAMLLINT = """\
extends: default
rules:
  document-start: disable  # none of these tools wants it
  line-length: {max: 100}
  truthy: {check-keys: false}  # `on:` of GitHub
"""
YAML = ("yamllint", "--format=parsable", f"--config-data={YAMLLINT}")
CI = ".github/workflows/ci.yml"
HOOKS = ".pre-commit-config.yaml"
COMPOSE = "compose.yaml"

# `just test` in prose, code and commands.
RECIPE = re.compile(r"(?:`|\buv run )just ([a-z][a-z0-9-]*)")
MODULE = re.compile(r"app(?:\.\w+)+")


def load(project: Project, path: str) -> Any:  # noqa: ANN401 - as YAML is
    """A YAML file as its tool reads it, scalars as they are written."""
    return yaml.load(project.files[path], yaml.BaseLoader)  # noqa: S506 - strings alone


@cache
def complaints(text: str, *command: str) -> str:
    """What a linter says of a text; each text is linted once."""
    tool, *options = command
    done = subprocess.run(
        [SCRIPTS / tool, *options, "-"], input=text, capture_output=True, check=False, text=True
    )
    assert done.returncode == 0 or done.stdout, done.stderr
    return done.stdout


@every_row
def test_hadolint_has_nothing_to_say(row: Row) -> None:
    ignored = (f"--ignore={rule}" for rule in HADOLINT_IGNORED)
    assert complaints(rendered(row).files["Dockerfile"], "hadolint", "--no-color", *ignored) == ""


@every_row
@pytest.mark.parametrize("path", [CI, HOOKS, COMPOSE])
def test_yamllint_has_nothing_to_say(row: Row, path: str) -> None:
    assert complaints(rendered(row).files[path], *YAML) == ""


@every_row
def test_yamllint_has_nothing_to_say_of_ops(row: Row) -> None:
    files = rendered(row).files
    paths = [path for path in files if path.startswith("ops/") and path.endswith(".yaml")]
    assert len(paths) >= 5
    for path in paths:
        assert complaints(files[path], *YAML) == "", path


@every_row
def test_compose_can_read_its_file(row: Row) -> None:
    # As JSON: the merge keys (`<<`) are YAML's, and gone.
    compose = yaml.safe_load(rendered(row).files[COMPOSE])
    PyCompose.from_json(json.dumps(compose)).validate()

    services = compose["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= services.keys() - {name}
        assert set(service) & {"build", "image"}
    used = {v.split(":")[0] for s in services.values() for v in s.get("volumes", [])}
    assert compose.get("volumes", {}).keys() <= used, "a volume that nothing is kept in"


@every_row
def test_ci_is_a_workflow(row: Row) -> None:
    workflow = load(rendered(row), CI)
    assert {"name", "on", "permissions", "jobs"} <= workflow.keys()
    for job in workflow["jobs"].values():
        assert {"runs-on", "timeout-minutes", "steps"} <= job.keys()
        assert job["timeout-minutes"].isdigit()
        for step in job["steps"]:
            assert len(step.keys() & {"uses", "run"}) == 1, step
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step.get("uses", "a/b@v1")), step


@every_row
def test_the_hooks_are_hooks(row: Row) -> None:
    for repository in load(rendered(row), HOOKS)["repos"]:
        assert repository["repo"] == "local", "the tools are those of the development group"
        for hook in repository["hooks"]:
            assert {"id", "name", "entry", "language"} <= hook.keys()


@every_row
def test_every_recipe_that_is_named_exists(row: Row) -> None:
    project = rendered(row)
    dump = [SCRIPTS / "just", "--justfile", project.path / "justfile", "--dump"]
    dumped = subprocess.run([*dump, "--dump-format=json"], capture_output=True, check=True)
    recipes = json.loads(dumped.stdout)["recipes"]
    named = {
        (path, recipe) for path, text in project.files.items() for recipe in RECIPE.findall(text)
    }
    assert {(path, recipe) for path, recipe in named if recipe not in recipes} == set()
    assert {CI, HOOKS, "README.md"} <= {path for path, _ in named}
    assert all(recipe["doc"] for recipe in recipes.values() if not recipe["private"])


@every_row
def test_the_image_is_built_from_what_is_there(row: Row) -> None:
    project = rendered(row)
    present = {"uv.lock", *project.files}
    for source in copied(project):
        files = {path for path in present if within(path, source)}
        assert files, f"{source} is not there"
        hidden = {path for path in files if is_ignored(path, project.files[".dockerignore"])}
        assert hidden == set()


@every_row
def test_the_image_runs_what_it_holds(row: Row) -> None:
    project = rendered(row)
    commands = re.findall(r"^CMD (\[.*\])$", project.files["Dockerfile"], re.MULTILINE)
    modules = [module for word in json.loads(commands[-1]) for module in MODULE.findall(word)]
    assert modules
    for module in modules:
        path = f"{module.replace('.', '/')}.py"
        assert path in project.files
        assert any(within(path, source) for source in copied(project))


def copied(project: Project) -> list[str]:
    """The sources of each COPY from the working tree."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", project.files["Dockerfile"], re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1] if source[:2] != "--"]


def within(path: str, folder: str) -> bool:
    return PurePosixPath(path).is_relative_to(folder)


def is_ignored(path: str, dockerignore: str) -> bool:
    """Whether Docker leaves a path out: the last pattern that fits it, or a folder of it, says."""
    ignored = False
    places = [path, *map(str, PurePosixPath(path).parents)]
    for line in dockerignore.splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!").removeprefix("/").rstrip("/")
        if any(fnmatch(place, pattern) for place in places if place != "."):
            ignored = not line.startswith("!")
    return ignored
