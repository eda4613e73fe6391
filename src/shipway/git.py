"""What the command asks git: short questions, each a subprocess."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from itertools import takewhile
from pathlib import Path

from shipway import errors


def _run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    if not is_installed():
        raise errors.no_git()
    return subprocess.run(
        ["git", *arguments],
        cwd=cwd,
        # A repository that does not exist would otherwise ask for a user name.
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


def _read(*arguments: str, cwd: Path) -> str | None:
    """The command's answer, or None where git says no."""
    done = _run(*arguments, cwd=cwd)
    return done.stdout.strip() if done.returncode == 0 else None


def _lines(*arguments: str, cwd: Path) -> list[str]:
    done = _run(*arguments, cwd=cwd)
    if done.returncode:
        raise errors.git_failed((done.stderr.strip().splitlines() or ["nothing"])[-1])
    return [name for name in done.stdout.split("\0") if name]


def is_installed() -> bool:
    return shutil.which("git") is not None


def is_repository(path: Path) -> bool:
    """Whether the path is a repository's own directory, bare or not, and no folder in one."""
    if not path.is_dir():
        return False
    if _read("rev-parse", "--is-bare-repository", cwd=path) == "true":
        return True
    top = _read("rev-parse", "--show-toplevel", cwd=path)
    return top is not None and Path(top).resolve() == path.resolve()


def is_inside_work_tree(path: Path) -> bool:
    return _read("rev-parse", "--is-inside-work-tree", cwd=path) == "true"


def is_dirty(path: Path) -> bool:
    """Whether anything under the path differs from HEAD, files that git does not know included."""
    # Whatever the configuration says: it may tell git to look away.
    everything = ("--untracked-files=normal", "--ignore-submodules=none")
    return bool(_read("status", "--porcelain", *everything, "--", ".", cwd=path))


def describe(path: Path) -> str | None:
    """HEAD as Copier records it, or None before the first commit."""
    return _read("describe", "--tags", "--always", cwd=path)


def commit_of(path: Path, ref: str) -> str | None:
    return _read(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", cwd=path
    )


def tags(location: str) -> list[str] | None:
    """The tags of a repository near or far, or None where it cannot be reached."""
    done = _run("ls-remote", "--tags", "--refs", "--", location)
    if done.returncode:
        return None
    return [line.split("refs/tags/", 1)[1] for line in done.stdout.splitlines()]


def remote_head(location: str) -> str | None:
    done = _run("ls-remote", "--", location, "HEAD")
    return done.stdout.split()[0] if done.returncode == 0 and done.stdout else None


def changed(path: Path) -> list[str]:
    """Every path under this one that differs from HEAD or is new."""
    return sorted({*_differing("HEAD", cwd=path), *untracked(path)})


def untracked(path: Path) -> list[str]:
    """Files under the path that git neither knows nor ignores."""
    return _lines("ls-files", "--others", "--exclude-standard", "-z", "--", ".", cwd=path)


def unmerged(path: Path) -> list[str]:
    return sorted(set(_differing("--diff-filter=U", cwd=path)))


def vanished(path: Path) -> list[str]:
    """Files of HEAD that are no longer in the work tree."""
    return _differing("--diff-filter=D", "HEAD", cwd=path)


def _differing(*query: str, cwd: Path) -> list[str]:
    # Whatever the configuration says: a rename would hide a file that is gone.
    everything = ("--no-renames", "--ignore-submodules=none")
    return _lines(
        "diff", "--name-only", "--relative", *everything, "-z", *query, "--", ".", cwd=cwd
    )


def committed(path: Path, name: str) -> bytes:
    """The file's contents in HEAD."""
    return subprocess.run(
        ["git", "show", f"HEAD:./{name}"], cwd=path, capture_output=True, check=True
    ).stdout


def stored(path: Path, content: bytes) -> str:
    """The short name of that content among the repository's objects, until `git gc` drops it."""
    add = ["git", "hash-object", "-w", "--stdin"]
    done = subprocess.run(add, cwd=path, input=content, capture_output=True, check=True)
    name = done.stdout.decode().strip()
    return _read("rev-parse", "--short", name, cwd=path) or name


def restore(path: Path, kept: Iterable[str]) -> None:
    """Put everything under the path back to HEAD, and remove the untracked files but the kept.

    Not with `git clean`, to which every untracked file is rubbish.
    """
    _run("restore", "--source=HEAD", "--staged", "--worktree", "--", ".", cwd=path)
    for name in {*untracked(path)} - {*kept}:
        if not name.endswith("/"):  # a repository in the repository
            _remove(path / name, until=path)


def _remove(file: Path, *, until: Path) -> None:
    """Remove a file and the directories that then are empty."""
    file.unlink(missing_ok=True)
    for parent in takewhile(lambda parent: parent != until, file.parents):
        with suppress(OSError):  # not empty
            parent.rmdir()
