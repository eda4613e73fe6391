"""What is peculiar to messages that PostgreSQL carries."""

import logging

import pytest

from app.core.lifespan import State
from app.core.live.local import LocalRelay
from app.core.live.relay import LiveSettings, open_relay


async def test_the_budget_knows_of_the_connection_that_listens(state: State) -> None:
    settings = state["settings"]

    assert state["database"].budget == settings.database_pool_size + 1


async def test_pgbouncer_is_no_way_to_other_processes(
    live_settings: LiveSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    url = live_settings.database_url
    behind = live_settings.model_copy(update={"database_pgbouncer": True})

    async with open_relay(behind) as relay:
        assert isinstance(relay, LocalRelay)
    assert "LIVE_DATABASE_URL" in caplog.text

    async with open_relay(behind.model_copy(update={"live_database_url": url})) as relay:
        assert not isinstance(relay, LocalRelay)
