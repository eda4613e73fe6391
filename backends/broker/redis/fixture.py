"""A Redis or Valkey of the tests' own, which a test may stop."""

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from tests.redis_server import RedisServer


class BrokerServer(RedisServer):
    """What it was told is there when it starts again."""

    def options(self) -> Sequence[str]:
        """Say how it is started."""
        return (*super().options(), "--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture(scope="session")
def running_broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[BrokerServer]:
    """The one that tests share."""
    with BrokerServer(tmp_path_factory.mktemp("broker")) as server:
        yield server


@pytest.fixture
def own_broker(tmp_path: Path) -> Generator[BrokerServer]:
    """One for a test that stops it."""
    with BrokerServer(tmp_path) as server:
        yield server


@pytest.fixture
def live_broker_url(running_broker: BrokerServer) -> str:
    """A Redis with nothing in it."""
    running_broker.forget()
    return running_broker.url
