"""A relay for the tests, and one that they may stop."""

from collections.abc import Generator

import pytest

from app.core.live.relay import LiveSettings
from tests.fixtures.database import DatabaseServer as OwnRelay
from tests.fixtures.database import running_database


@pytest.fixture
def live_settings(database_url: str) -> LiveSettings:
    """The settings of hubs that share a relay."""
    return LiveSettings(database_url=database_url, live_relay_timeout_seconds=5)


@pytest.fixture
def own_relay() -> Generator[OwnRelay]:
    """What carries the messages of a test that stops it."""
    with running_database() as server:
        yield server


def settings_of(relay: OwnRelay) -> LiveSettings:
    """The settings of hubs that share that relay."""
    return LiveSettings(database_url=relay.url, live_relay_timeout_seconds=0.5)
