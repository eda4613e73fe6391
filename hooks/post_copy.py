"""What follows rendering: a git repository, a lock file, a first commit.

    python hooks/post_copy.py PROJECT [--no-git] [--no-lock]

Rendering never needs it, and running it again does nothing twice. Nothing here is part of
Copier's tasks, so neither a copy nor an update asks for trust.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

BRANCH = "main"
MESSAGE = "Start from shipway"
FALLBACK_IDENTITY = {"user.name": "shipway", "user.email": "shipway@localhost"}


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def is_inside_repository(project: Path) -> bool:
    return run("git", "rev-parse", "--git-dir", cwd=project).returncode == 0


def start_repository(project: Path) -> bool:
    """Whether this run made the repository: one that existed is its owner's to commit to."""
    if shutil.which("git") is None:
        say("warning: `git` is not installed; updates need a commit, so run `git init` later")
        return False
    if is_inside_repository(project):
        return False
    done = run("git", "init", "--quiet", f"--initial-branch={BRANCH}", cwd=project)
    if done.returncode:
        say(f"warning: `git init` failed: {last_line(done.stderr)}")
    return done.returncode == 0


def lock(project: Path) -> None:
    if (project / "uv.lock").exists():
        return
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        say("warning: `uv` is not installed; run `pip install uv`, then `uv lock`")
        return
    say("Locking the dependencies…")
    done = run(uv, "lock", cwd=project)
    if done.returncode:
        say(f"warning: `uv lock` failed, run it again later: {last_line(done.stderr)}")


def identity(project: Path) -> list[str]:
    """Options that name an author where git knows none."""
    return [
        option
        for key, value in FALLBACK_IDENTITY.items()
        if run("git", "config", key, cwd=project).returncode
        for option in ("-c", f"{key}={value}")
    ]


def commit(project: Path) -> None:
    # No hook of the user's was written for this commit, and nobody is there to unlock a key.
    quiet = ["-c", f"core.hooksPath={os.devnull}", "-c", "commit.gpgsign=false"]
    git = ["git", *quiet, *identity(project)]
    for command in ([*git, "add", "--all"], [*git, "commit", "--quiet", "--message", MESSAGE]):
        done = run(*command, cwd=project)
        if done.returncode:
            say(f"warning: the first commit failed: {last_line(done.stderr or done.stdout)}")
            return


def main() -> None:
    parser = argparse.ArgumentParser(description="Finish a rendered service.")
    parser.add_argument("project", type=Path)
    parser.add_argument("--no-git", action="store_true", help="no repository, no commit")
    parser.add_argument("--no-lock", action="store_true", help="no `uv.lock`")
    options = parser.parse_args()
    is_new = not options.no_git and start_repository(options.project)
    if not options.no_lock:
        lock(options.project)
    if is_new:
        commit(options.project)


if __name__ == "__main__":
    main()
