"""A NATS with JetStream of the tests' own, which a test may stop."""

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from tests.own_server import OwnServer, says


class BrokerServer(OwnServer):
    """What it was told is there when it starts again."""

    programs = ("nats-server",)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"nats://127.0.0.1:{self.port}"

    def options(self) -> Sequence[str]:
        """Say how it is started."""
        return ("-a", "127.0.0.1", "-p", f"{self.port}", "-js", "-sd", f"{self.directory}")

    def is_up(self) -> bool:
        """Tell whether it greets who connects."""
        return says(self.port) == b"INFO"


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
    """A NATS that others use as well: each service has a stream of its own."""
    return running_broker.url
