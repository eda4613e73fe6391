"""A relay for the tests, and one that they may stop."""

import pytest

from app.core.live.relay import LiveSettings
from tests.redis_server import RedisServer as OwnRelay


@pytest.fixture
def live_settings(redis_url: str) -> LiveSettings:
    """The settings of hubs that share a relay."""
    return LiveSettings(redis_url=redis_url, live_relay_timeout_seconds=5)


@pytest.fixture
def own_relay(own_redis: OwnRelay) -> OwnRelay:
    """What carries the messages of a test that stops it."""
    return own_redis


def settings_of(relay: OwnRelay) -> LiveSettings:
    """The settings of hubs that share that relay."""
    return LiveSettings(redis_url=relay.url, live_relay_timeout_seconds=0.5)
