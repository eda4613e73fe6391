"""A Redis or Valkey of the tests' own, which a test may stop."""

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest
from redis import Redis

from tests.own_server import OwnServer, says


class BrokerServer(OwnServer):
    """What it was told is there when it starts again."""

    programs = ("redis-server", "valkey-server")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    def options(self) -> Sequence[str]:
        """Say how it is started."""
        place = ("--bind", "127.0.0.1", "--port", f"{self.port}", "--dir", f"{self.directory}")
        return (*place, "--save", "", "--appendonly", "yes", "--appendfsync", "always")

    def is_up(self) -> bool:
        """Tell whether it has read what it kept."""
        return says(self.port, b"PING\r\n") == b"+PON"


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
    with Redis.from_url(running_broker.url) as client:
        client.flushall()
    return running_broker.url
