"""Rendering and updating with Copier, whose errors become ours. Nothing else imports Copier.

The imports stand inside the functions: Copier takes longer to import than `--help` may take.
"""

import os
import re
import tempfile
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from shipway import errors, refusals

# An entry of `exclude` that matches no file: `copier.yml` reads it, and lets a new answer reach
# the files that a new version leaves alone.
ANSWERS_MARKER = ":answers:"

INVALID_ANSWER = re.compile(
    r"^(?:Validation error for question|Invalid choice for) '(\w+)': (.+)", re.DOTALL
)
UNKNOWN = re.compile(r"(?:Unknown revision|invalid reference): '?([^'\s]+)")
DOWNGRADE = re.compile(r"^You are downgrading from (\S+) to (\S+)\. ")


def render(
    location: str | Path,
    destination: Path,
    answers: Mapping[str, object],
    *,
    ref: str | None,
    ask: bool = False,
) -> None:
    """Write a service to a directory that does not exist yet, and whose name becomes its own."""
    with _working():
        from copier import run_copy

        data = dict(answers)
        run_copy(str(location), destination, data, vcs_ref=ref, defaults=not ask, quiet=True)


def update(project: Path, ref: str, base: Path | None = None) -> None:
    """Bring a service to another version of its template."""
    with _working(base):
        from copier import run_update

        run_update(project, vcs_ref=ref, defaults=True, overwrite=True, quiet=True)


def change_answers(project: Path, answers: Mapping[str, object], base: Path | None = None) -> None:
    """Give a service other answers, at the version it has."""
    with _working(base):
        from copier import VcsRef, run_update

        run_update(
            project,
            data=dict(answers),
            vcs_ref=VcsRef.CURRENT,
            exclude=[ANSWERS_MARKER],
            defaults=True,
            overwrite=True,
            quiet=True,
        )


@contextmanager
def _working(base: Path | None = None) -> Generator[None]:
    """Work in that directory, in silence, and raise Copier's errors in our words."""
    if base:
        os.chdir(base)  # before the import: Copier's git works where it was imported
    from copier.errors import CopierAnswersInterrupt, CopierError
    from plumbum import ProcessExecutionError

    try:
        with warnings.catch_warnings(), _own_temporary_directory():
            warnings.simplefilter("ignore")
            yield
    except CopierAnswersInterrupt as interruption:  # a CopierError as well
        raise KeyboardInterrupt from interruption
    except ProcessExecutionError as error:
        said = str(error.stderr or error).strip()
        if found := UNKNOWN.search(said):
            raise refusals.unknown_version(found[1]) from error
        raise errors.git_failed(said.splitlines()[-1].strip()) from error
    except (CopierError, ValueError) as error:
        raise _translated(error) from error


@contextmanager
def _own_temporary_directory() -> Generator[None]:
    """Keep what Copier writes aside in one place: interrupted, it leaves its clones behind."""
    before = tempfile.gettempdir()
    with tempfile.TemporaryDirectory(prefix="shipway-", ignore_cleanup_errors=True) as aside:
        tempfile.tempdir = aside
        try:
            yield
        finally:
            tempfile.tempdir = before


def _translated(error: Exception) -> Exception:
    message = str(error)
    if found := INVALID_ANSWER.match(message):
        return errors.invalid_answer(found[1], " ".join(found[2].split()))
    if found := DOWNGRADE.match(message):
        return refusals.downgrade(found[1], found[2])
    if found := UNKNOWN.search(message):
        return refusals.unknown_version(found[1])
    return refusals.copier_refused(" ".join(message.split()))
