"""What the tests work on: copies of this repository, services rendered from them, and users.

Everything runs as the real command in a subprocess, with a git and a Copier configuration of its
own, and nothing leaves the directory that a bench is given.
"""

import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sys.executable).parent
ANSWERS = ".copier-answers.yml"

# What a working tree holds and a clone does not.
NOT_CLONED = shutil.ignore_patterns(
    ".git", ".venv", "__pycache__", ".*_cache", "dist", "build", "uv.lock", "*.py[co]"
)
GIT_CONFIGURATION = """\
[user]
    name = Ada
    email = ada@example.org
[init]
    defaultBranch = main
"""
# What the developer's own shell must not lend to a test.
NOT_INHERITED = re.compile(r"(GIT|COPIER|PYTHON|SHIPWAY|UV_PROJECT)|(UV|VIRTUAL_ENV)$")

# Many times what the slowest command takes, which are the checks of a service on a server.
PATIENCE_SECONDS = 900

Outcome = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Bench:
    """A directory apart, with the configuration that keeps everything else out."""

    root: Path

    @classmethod
    def at(cls, root: Path) -> "Bench":
        """Lay out a bench in that directory."""
        root.mkdir(parents=True, exist_ok=True)
        (root / "gitconfig").write_text(GIT_CONFIGURATION)
        (root / "copier-settings.yml").write_text("{}\n")
        return cls(root)

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The variables every command of this bench gets."""
        kept = {k: v for k, v in os.environ.items() if not NOT_INHERITED.match(k)}
        own = {
            "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
            "GIT_CONFIG_GLOBAL": str(self.root / "gitconfig"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "COPIER_SETTINGS_PATH": str(self.root / "copier-settings.yml"),
            "COPIER_CACHE_DIR": str(self.root / "copier-cache"),
        }
        return {**kept, **own, **(extra or {})}

    def run(
        self,
        *command: str | Path,
        cwd: Path,
        extra: Mapping[str, str] | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Outcome:
        """Run a command to its end, whatever that is; one that finds none fails the test."""
        with subprocess.Popen(
            command,
            cwd=cwd,
            env=self.environment(extra),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                said, complained = process.communicate(timeout=patience_seconds)
            except subprocess.TimeoutExpired:
                # What it started holds the pipes open, too.
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return Outcome(process.args, process.returncode, said, complained)

    def git(self, path: Path, *arguments: str) -> str:
        """What git answers there. It has to succeed."""
        return succeeded(self.run("git", *arguments, cwd=path)).stdout.strip()

    def commit(self, path: Path, message: str = "Change") -> None:
        """Commit all there is, in a repository made for it if there is none."""
        if not (path / ".git").exists():
            self.git(path, "init", "--quiet")
        self.git(path, "add", "--all")
        self.git(path, "commit", "--quiet", "--message", message)


@dataclass(frozen=True)
class Template:
    """A copy of this repository that a test may change, commit and tag."""

    bench: Bench
    path: Path

    def variables(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """What makes a command take its code from this copy."""
        return {"PYTHONPATH": str(self.path / "src"), **(extra or {})}

    def shipway(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Run this copy's `shipway`, beside the copy unless told otherwise."""
        command = (SCRIPTS / "shipway", *arguments)
        return self.bench.run(*command, cwd=cwd or self.path.parent, extra=self.variables(extra))

    def launch(
        self, *arguments: str | Path, cwd: Path, extra: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start this copy's `shipway`, to be watched and interrupted."""
        return subprocess.Popen(
            [SCRIPTS / "shipway", *arguments],
            cwd=cwd,
            env=self.bench.environment(self.variables(extra)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def copier(self, *arguments: str | Path, cwd: Path | None = None) -> Outcome:
        """Run plain Copier, beside the copy unless told otherwise."""
        return self.bench.run(SCRIPTS / "copier", *arguments, cwd=cwd or self.path.parent)

    def commit(self, tag: str | None = None) -> None:
        """Commit what the test changed, and release it if a tag is given."""
        self.bench.commit(self.path)
        if tag:
            self.bench.git(self.path, "tag", "--annotate", tag, "--message", tag)

    def render(self, destination: Path, answers: Mapping[str, object] | None = None) -> Path:
        """A service with these answers, as files alone."""
        pairs = [f"--set={key}={value}" for key, value in (answers or {}).items()]
        flags = ["--defaults", "--no-git", "--no-lock"]
        succeeded(self.shipway("new", destination, *flags, *pairs))
        return destination

    def start(self, destination: Path, answers: Mapping[str, object] | None = None) -> Path:
        """A service with these answers, committed, as a user has it on the first day."""
        self.render(destination, answers)
        self.bench.commit(destination, "Start from shipway")
        return destination


def clone(bench: Bench, path: Path, *, tag: str | None = None, lean: bool = False) -> Template:
    """The repository as it lies in the working tree, in one commit.

    A lean one renders the files at the top alone, several times as fast: enough for what does not
    depend on what is rendered.
    """
    shutil.copytree(REPOSITORY, path, ignore=NOT_CLONED, symlinks=True)
    if lean:
        for directory in (path / "template").iterdir():
            if directory.is_dir():
                shutil.rmtree(directory)
    template = Template(bench, path)
    template.commit(tag)
    return template


def succeeded(outcome: Outcome) -> Outcome:
    """The outcome, which has to be a success."""
    assert outcome.returncode == 0, f"{outcome.args}\n{outcome.stdout}\n{outcome.stderr}"
    return outcome


def once(path: Path, make: Callable[[Path], object]) -> Path:
    """What is made at a path by the first worker that asks for it; the others wait for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f"{path.name}.made")
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            # Somebody may have failed half-way.
            shutil.rmtree(path, ignore_errors=True)
            make(path)
            made.touch()
    return path


def free_port() -> int:
    """A port that nobody listens on, and that nobody else is given before the tests end."""
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        port = int(keeper.getsockname()[1])
        if sys.platform == "linux":
            # It stays bound. Servers set SO_REUSEADDR, too, and may listen beside who doesn't.
            keeper.detach()
    return port


def eventually(happens: Callable[[], object], within_seconds: float = 30.0) -> None:
    """Wait until it happens, and no longer than that."""
    deadline = time.monotonic() + within_seconds
    while not happens():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def copy(service: Path, destination: Path) -> Path:
    """The same service elsewhere, repository included: cheaper than to render another."""
    shutil.copytree(service, destination, symlinks=True)
    return destination


def answers_of(service: Path) -> dict[str, object]:
    """Everything that the answers file records."""
    return yaml.safe_load((service / ANSWERS).read_text())


def tree(path: Path, *, origin: bool = True, without: Iterable[str] = ()) -> dict[str, str]:
    """Every file of a service as text, by path; git's and uv's own apart.

    Without `origin`, the answers file counts without the lines that say where it comes from.
    """
    files = {
        file.relative_to(path).as_posix(): file.read_text(encoding="utf-8")
        for file in sorted(path.rglob("*"))
        if file.is_file() and not {".git", ".venv", "__pycache__"} & set(file.parts)
    }
    for name in ("uv.lock", *without):
        files.pop(name, None)
    if not origin:
        lines = files[ANSWERS].splitlines()
        files[ANSWERS] = "\n".join(
            line for line in lines if not line.startswith(("_commit:", "_src_path:"))
        )
    return files


def names(directory: Path) -> list[str]:
    """What lies there, hidden or not."""
    return sorted(path.name for path in directory.iterdir())


def append(path: Path, text: str) -> None:
    """Write below what is there."""
    path.write_text(path.read_text() + text)


def prepend(path: Path, text: str) -> None:
    """Write above what is there."""
    path.write_text(text + path.read_text())
