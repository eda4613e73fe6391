"""A database file for each test, copied from one that was migrated once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# To ask how a query is run, and what of the answer shows that it reads or sorts all posts.
ANALYZE = "ANALYZE"
EXPLAIN = "EXPLAIN QUERY PLAN"
FULL_SCAN = r"SCAN posts(?! USING)|TEMP B-TREE"


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file at the newest revision, made by the command that production uses."""
    path = tmp_path_factory.mktemp("database") / "migrated.db"
    migrate("upgrade", "head", database_url=url_of(path))
    return path


@pytest.fixture
def empty_database_url(tmp_path: Path) -> str:
    """A database that nobody has migrated."""
    return url_of(tmp_path / "empty.db")


@pytest.fixture
def database_url(migrated_file: Path, tmp_path: Path) -> str:
    """A database of the test's own: it may commit."""
    copy = tmp_path / "test.db"
    shutil.copy(migrated_file, copy)
    return url_of(copy)


@pytest.fixture
def unreachable_database_url(tmp_path: Path) -> str:
    """A database that can't be opened."""
    return url_of(tmp_path / "missing" / "folder.db")


def url_of(path: Path) -> str:
    """Name a file as the settings do."""
    return f"sqlite+aiosqlite:///{path}"


def migrate(*arguments: str, database_url: str) -> None:
    """Run Alembic as a command."""
    subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        check=True,
        env={**os.environ, "DATABASE_URL": database_url},
    )
