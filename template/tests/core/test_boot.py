import asyncio
import os
import re
import subprocess
import sys

from tests.ports import free_port


def start(**variables: str) -> subprocess.CompletedProcess[str]:
    """Start the service where it has to fail."""
    return subprocess.run(
        [sys.executable, "-m", "app.serve"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=30,
    )


def reason(run: subprocess.CompletedProcess[str]) -> str:
    """Give the one line that it ended with."""
    assert run.returncode == 1
    (line,) = [line for line in run.stderr.splitlines() if '"level":"INFO"' not in line]
    return line


def test_a_url_that_is_none_is_a_reason_not_to_start() -> None:
    line = reason(start(DATABASE_URL="nonsense://user:s3cret@host"))

    assert line.startswith("error: DATABASE_URL: ")
    assert "s3cret" not in line


def test_migrations_that_are_missing_are_a_reason_not_to_start(empty_database_url: str) -> None:
    line = reason(start(DATABASE_URL=empty_database_url))

    assert re.fullmatch(
        r"error: The database is at revision none, not \d{4}:"
        r" run `alembic upgrade head` \(`just migrate`\)\.",
        line,
    )


def migrate(url: str) -> subprocess.CompletedProcess[str]:
    """Run Alembic where it has to fail."""
    return subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
    )


async def test_migrations_say_in_a_line_what_they_miss(unreachable_database_url: str) -> None:
    run = await asyncio.to_thread(migrate, unreachable_database_url)

    assert reason(run).startswith("error: The database can't be migrated: ")


def start_and_stop(url: str) -> list[str]:
    """Start the service, end it as soon as it has started, and give what it logged."""
    with subprocess.Popen(
        [sys.executable, "-m", "app.serve"],
        env={**os.environ, "PORT": str(free_port()), "DATABASE_URL": url},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        seen: list[str] = []
        for line in process.stderr:
            seen.append(line)
            if "Application startup complete" in line:
                process.terminate()
    return seen


async def test_a_database_that_is_away_may_come_back(unreachable_database_url: str) -> None:
    seen = await asyncio.to_thread(start_and_stop, unreachable_database_url)

    assert any("Not ready until `database` is: " in line for line in seen)
    assert not any("Traceback" in line for line in seen)
