"""Services installed for real: an environment per Python, which all of its services share."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path

import httpx2
from matrix import WATCHERS, Row, answer, axes, cover, questions, rows
from workbench import (
    PATIENCE_SECONDS,
    SCRIPTS,
    Bench,
    Outcome,
    Template,
    eventually,
    once,
    succeeded,
)


@dataclass(frozen=True)
class Service:
    """A rendered service whose dependencies are installed."""

    bench: Bench
    path: Path
    environment: Path
    interpreter: str

    def variables(self) -> dict[str, str]:
        """What makes uv take the shared environment, and keep to this machine's Python."""
        return {
            "UV_PROJECT_ENVIRONMENT": str(self.environment),
            "UV_PYTHON": self.interpreter,
            "UV_PYTHON_DOWNLOADS": "never",
        }

    def install(self, template: Template, row: Row) -> None:
        """Render it, and install what it needs."""
        template.start(self.path, row)
        command = (SCRIPTS / "uv", "sync", "--quiet")
        succeeded(self.bench.run(*command, cwd=self.path, extra=self.variables()))

    def run(self, *command: str, patience_seconds: float = PATIENCE_SECONDS) -> Outcome:
        """Run a command of the service's environment."""
        return self.bench.run(
            *("uv", "run", *command),
            cwd=self.path,
            extra=self.variables(),
            patience_seconds=patience_seconds,
        )

    def just(self, *recipe: str) -> Outcome:
        """Run a recipe, as its user does."""
        return self.run("just", *recipe)

    @contextmanager
    def running(self, *command: str, port: int, **variables: str) -> Generator[str]:
        """Run a command that serves, for as long as it is needed; the name of the service."""
        extra = {**self.variables(), "PORT": str(port), "HOST": "127.0.0.1", "DRAIN_SECONDS": "0"}
        with subprocess.Popen(
            command,
            cwd=self.path,
            env=self.bench.environment({**extra, **variables}),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            url = f"http://127.0.0.1:{port}"
            try:
                eventually(lambda: answers(f"{url}/ready"))
                yield url
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(timeout=30)


def install(template: Template, destination: Path, row: Row) -> Service:
    """Render a service, and install it into the environment that its Python has."""
    version = str(row["python_version"])
    environment = template.bench.root / f"environment-{version}"
    service = Service(template.bench, destination, environment, interpreters()[version])
    service.install(template, row)
    return service


def install_once(template: Template, directory: Path, row: Row) -> Service:
    """A service that all workers share, with an environment of its own. Not to be changed."""

    def at(path: Path) -> Service:
        interpreter = interpreters()[str(row["python_version"])]
        return Service(template.bench, path / "orders", path / "environment", interpreter)

    def make(path: Path) -> None:
        service = at(path)
        service.install(template, row)
        # Copies of it don't compile it again.
        succeeded(service.run("python", "-m", "compileall", "-q", "app", "tests"))

    return at(once(directory, make))


@cache
def interpreters() -> dict[str, str]:
    """The interpreters of this machine, by the answer that asks for them."""
    versions = [str(choice.value) for choice in questions()["python_version"].choices]
    return {version: path for version in versions if (path := interpreter(version)) is not None}


def interpreter(version: str) -> str | None:
    """The path of a Python, if there is one: on the PATH, or kept by pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [
        shutil.which(f"python{version}"),
        *map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True)),
    ]
    for candidate in filter(None, candidates):
        # A shim of pyenv may stand for a version that isn't chosen.
        asked = subprocess.run([candidate, "-V"], capture_output=True, text=True, check=False)
        if re.match(rf"Python {re.escape(version)}\.", asked.stdout):
            return candidate
    return None


def missing_pythons() -> list[str]:
    """The answers that this machine can render but not run."""
    versions = [str(choice.value) for choice in questions()["python_version"].choices]
    return [version for version in versions if version not in interpreters()]


def deep_rows() -> list[Row]:
    """Every pair of what shapes the code and the Pythons that this machine has.

    The queues are spread over them: each that carries tasks is there, and each database keeps
    account of them and doesn't. So are traces and reports of errors, over each database, cache and
    queue. What else they go together with is rendered, linted and parsed.
    """
    python = questions()["python_version"]
    runnable = tuple(choice for choice in python.choices if choice.value in interpreters())
    asked = [replace(python, choices=runnable), *(questions()[key] for key in (*axes(), "outbox"))]
    chosen: list[Row] = []
    seen = set[tuple[object, ...]]()
    for base in cover(question for question in asked if question.key in OF_CODE):
        best = max(rows(asked, base), key=lambda row: [len(new - seen) for new in kinds(row)])
        chosen.append(best)
        seen.update(*kinds(best))
    return chosen


# What is in every part of a service.
OF_CODE = ("python_version", "database", "cache")


def kinds(row: Row) -> list[set[tuple[object, ...]]]:
    """What a row shows of queues, and of who watches, the more important first."""
    transport, ledger = answer(row, "transport"), answer(row, "ledger")
    database, queue = row["database"], row["queue"]
    watched = {(axis, row[axis]) for axis in sorted(WATCHERS)}
    pairs = set[tuple[object, ...]](product(watched, row.items()))
    return [
        {(transport,)},
        {(database, ledger)},
        {(database, queue), (transport, ledger)},
        {*watched},
        pairs,
    ]


def answers(url: str) -> bool:
    """Whether a service is there, and content."""
    try:
        return httpx2.get(url).is_success
    except httpx2.TransportError:
        return False


def command_of(dockerfile: str, instruction: str) -> list[str]:
    """The command in exec form that an instruction of a Dockerfile holds."""
    joined = dockerfile.replace("\\\n", " ")
    found = re.findall(rf"^{instruction}\b.*?(\[.*\])$", joined, re.MULTILINE)
    assert found, instruction
    return json.loads(found[-1])
