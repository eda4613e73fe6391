from concurrent.futures import ThreadPoolExecutor

from tests.fixtures.database import migrate


def test_models_and_migrations_agree(database_url: str) -> None:
    migrate("check", database_url=database_url)


def test_down_and_up_again(database_url: str) -> None:
    migrate("downgrade", "base", database_url=database_url)
    migrate("upgrade", "head", database_url=database_url)


def test_several_at_once_all_succeed(empty_database_url: str) -> None:
    with ThreadPoolExecutor() as pool:
        upgrades = [
            pool.submit(migrate, "upgrade", "head", database_url=empty_database_url)
            for _ in range(4)
        ]
        for upgrade in upgrades:
            upgrade.result()

    migrate("check", database_url=empty_database_url)
