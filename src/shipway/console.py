"""Every word the user reads: what is going on to stderr, what came of it to stdout."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from shlex import quote

from shipway.errors import UserError
from shipway.presets import Preset
from shipway.questions import written


def progress(words: str) -> None:
    """Say what takes the next seconds."""
    sys.stderr.write(f"{words}…\n")
    sys.stderr.flush()


def say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def failed(error: UserError) -> None:
    sys.stderr.write(f"error: {error.what}\nhint: {error.hint}\n")


def interrupted() -> None:
    sys.stderr.write("error: interrupted\nhint: everything is as it was; run the command again\n")


def _listed(title: str, paths: Iterable[str]) -> list[str]:
    return [title, *(f"  {path}" for path in paths)]


# --- new --------------------------------------------------------------------------------


def rendered(name: str, commit: str, stack: Sequence[str]) -> None:
    say(f"Rendered `{name}` from {commit} ({', '.join(stack)})")


def would_write(path: Path, files: Sequence[str]) -> None:
    say(*_listed(f"Would write {len(files)} files to `{path}`:", files))


def next_after_new(path: Path, missing: Iterable[str]) -> None:
    steps = [*_changing_to(path), *missing, "uv run just dev"]
    say("Next:", *(f"  {step}" for step in steps))


def _changing_to(path: Path) -> list[str]:
    return [] if path == Path() else [f"cd {quote(str(path))}"]


def installed(seconds: float) -> None:
    say(f"Installed in {seconds:.1f} s")


def running(port: int) -> None:
    address = f"http://127.0.0.1:{port}"
    say(
        f"Running on {address}, stop with Ctrl-C",
        f"  {address}/docs    every endpoint, to try out",
        f"  {address}/status  what is open, and how it is",
        f"  {address}/health  whether it is alive",
        f"  {address}/ready   whether what it needs is there",
    )


def stopped() -> None:
    say("Stopped")


# --- update and set ---------------------------------------------------------------------


def up_to_date(commit: str) -> None:
    say(f"Nothing to do: the service is at {commit}, and there is nothing newer")


def answered_already(answers: Iterable[tuple[str, object]]) -> None:
    words = ", ".join(f"`{key}` is {written(value)}" for key, value in answers)
    say(f"Nothing to do: {words} already")


def updated(before: str, after: str, changed: int) -> None:
    say(f"Updated from {before} to {after}: {_files(changed)} changed")


def answered(answers: Iterable[tuple[str, object, object]], changed: int) -> None:
    for key, before, after in answers:
        say(f"Set `{key}` from {written(before)} to {written(after)}")
    say(f"{_files(changed)} changed")


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def vanished(paths: Sequence[str]) -> None:
    say(
        *_listed("Removed with your edits, since the template has them no longer:", paths),
        f"  look at one with `git show HEAD:./{paths[0]}`",
    )


def missed(news: Iterable[tuple[str, str, str]]) -> None:
    """Each with the contents it had and would have, as git stores them."""
    lines = [f"{path}: look with `git diff {before} {after}`" for path, before, after in news]
    say(*_listed("Not updated, since you deleted or renamed them:", lines))


def forked(heads: Iterable[str]) -> None:
    """One of them came with an answer, another one is the owner's."""
    say(
        f"Migrations end in more than one revision: {', '.join(heads)}. Before the next one:",
        '  uv run alembic merge heads -m "Merge heads"',
    )


def next_after_change() -> None:
    say("Next:", "  git diff HEAD", "  uv run just check")


def conflicts(service: Path, paths: Sequence[str]) -> None:
    """A conflict is no error of the command, so it is told at length."""
    place = "".join(f"`{step}`, then " for step in _changing_to(service))
    count = "1 conflict" if len(paths) == 1 else f"{len(paths)} conflicts"
    sys.stderr.write(
        f"error: {count}, where you and the template changed the same lines\n"
        + "".join(f"  {path}\n" for path in paths)
        + f"hint: {place}edit between the markers and `git add --all . && git commit`; to give up, "
        "`git restore --source=HEAD --staged --worktree . && git clean -fd .`\n"
    )


# --- check ------------------------------------------------------------------------------


def newest(current: str, newer: str | None) -> None:
    if newer:
        say(f"At {current}; the template is at {newer}. Run `shipway update`")
    else:
        say(f"At {current}, and there is nothing newer")


def edits(edited: Sequence[str], deleted: Sequence[str]) -> None:
    if edited:
        say(*_listed("Edited, though the platform owns them (an update merges):", edited))
    if deleted:
        say(*_listed("Deleted, though the platform owns them (an update leaves it so):", deleted))
    if not edited and not deleted:
        say("No platform file was edited")


# --- presets ----------------------------------------------------------------------------


def presets(known: Sequence[Preset]) -> None:
    width = max((len(preset.name) for preset in known), default=0)
    for preset in known:
        answers = " ".join(f"{key}={written(value)}" for key, value in preset.answers.items())
        say(f"{preset.name:<{width}}  {preset.description}", f"{'':<{width}}  {answers}")
