"""What the command asks git: short questions, each a subprocess."""

import os
import shutil
import subprocess
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
    return bool(_read("status", "--porcelain", "--", ".", cwd=path))


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
    known = _lines("diff", "--name-only", "--relative", "-z", "HEAD", "--", ".", cwd=path)
    new = _lines("ls-files", "--others", "--exclude-standard", "-z", "--", ".", cwd=path)
    return sorted({*known, *new})


def unmerged(path: Path) -> list[str]:
    query = ("diff", "--name-only", "--relative", "--diff-filter=U", "-z", "--", ".")
    return sorted(set(_lines(*query, cwd=path)))


def vanished(path: Path) -> list[str]:
    """Files of HEAD that are no longer in the work tree."""
    query = ("diff", "--name-only", "--relative", "--diff-filter=D", "-z", "HEAD", "--", ".")
    return _lines(*query, cwd=path)


def committed(path: Path, name: str) -> bytes:
    """The file's contents in HEAD."""
    return subprocess.run(
        ["git", "show", f"HEAD:./{name}"], cwd=path, capture_output=True, check=True
    ).stdout


def restore(path: Path) -> None:
    """Put everything under the path back to HEAD, files that were added since removed."""
    _run("restore", "--source=HEAD", "--staged", "--worktree", "--", ".", cwd=path)
    _run("clean", "--force", "-d", "--quiet", "--", ".", cwd=path)
