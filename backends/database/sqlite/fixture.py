"""A database file for each test, copied from one that was migrated once."""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest


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
async def unreachable_database_url(tmp_path: Path) -> AsyncGenerator[str]:
    """A database that can't be opened."""
    yield url_of(tmp_path / "missing" / "folder.db")
    # aiosqlite ends the thread of a connection that failed through the event loop, a moment later.
    async with asyncio.timeout(5):
        while any("_connection_worker" in thread.name for thread in threading.enumerate()):
            await asyncio.sleep(0.001)


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
