import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.core.database.engine import DatabaseSettings, migration_lock
from app.core.database.session import open_database
from tests.fixtures.database import migrate


def test_models_and_migrations_agree(database_url: str) -> None:
    migrate("check", database_url=database_url)


def test_down_and_up_again(database_url: str) -> None:
    migrate("downgrade", "base", database_url=database_url)
    migrate("upgrade", "head", database_url=database_url)


@pytest.mark.slow
def test_several_at_once_all_succeed(empty_database_url: str) -> None:
    with ThreadPoolExecutor() as pool:
        upgrades = [
            pool.submit(migrate, "upgrade", "head", database_url=empty_database_url)
            for _ in range(4)
        ]
        for upgrade in upgrades:
            upgrade.result()

    migrate("check", database_url=empty_database_url)


@pytest.mark.slow
async def test_one_waits_for_another_longer_than_requests_would(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_LOCK_TIMEOUT_SECONDS", "0.01")
    settings = DatabaseSettings(database_url=empty_database_url)
    async with open_database(settings) as database, database.engine.connect() as connection:
        async with migration_lock(connection):
            upgrade = asyncio.create_task(
                asyncio.to_thread(migrate, "upgrade", "head", database_url=empty_database_url)
            )
            done, _ = await asyncio.wait([upgrade], timeout=6)
            assert not done
        await upgrade
