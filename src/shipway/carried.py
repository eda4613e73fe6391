"""The template inside a wheel, for services of that very version: no network is needed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from shipway import source
from shipway.project import Project
from shipway.source import Source

# What a user's configuration does to commits is meant for the user's.
PLAIN_GIT = [
    "git",
    *("-c", "user.name=shipway"),
    *("-c", "user.email=shipway@localhost"),
    *("-c", "commit.gpgSign=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
]


def holds(running: Source, service: Project) -> bool:
    """Whether this installation carries the version from which the service was rendered."""
    return not running.is_repository and service.record.items() >= source.release().items()


@contextmanager
def in_place_of_the_url(running: Source) -> Generator[None]:
    """Let git find the carried files where it would look for the repository.

    Copier changes the answers of a service by way of git alone. So for a while these files are a
    repository of one commit, which git's configuration puts in the place of the recorded URL.
    """
    with tempfile.TemporaryDirectory(prefix="shipway-") as aside:
        repository = Path(aside) / "template"
        shutil.copytree(running.root / "template", repository / "template")
        shutil.copytree(running.root / "backends", repository / "backends")
        shutil.copy(running.root / "copier.yml", repository)
        recorded = source.release()
        for arguments in (
            ["init", "--quiet"],
            ["add", "--all", "--force"],
            ["commit", "--quiet", "--message", "Carried"],
            ["update-ref", f"refs/tags/{recorded['_commit']}", "HEAD"],
        ):
            subprocess.run([*PLAIN_GIT, *arguments], cwd=repository, check=True)
        count = int(os.environ.get("GIT_CONFIG_COUNT", "0"))
        os.environ |= {
            "GIT_CONFIG_COUNT": str(count + 1),
            f"GIT_CONFIG_KEY_{count}": f"url.{repository}.insteadOf",
            f"GIT_CONFIG_VALUE_{count}": recorded["_src_path"],
            # Copier keeps a mirror by URL: this one is not to be found there later.
            "COPIER_CACHE_DIR": str(Path(aside) / "cache"),
        }
        yield
