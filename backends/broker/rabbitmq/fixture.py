"""A RabbitMQ of the tests' own, which a test may stop."""

from collections.abc import Generator, Mapping
from pathlib import Path

import pytest

from tests.own_server import OwnServer, says
from tests.ports import free_port


class BrokerServer(OwnServer):
    """What it was told is there when it starts again."""

    programs = ("rabbitmq-server",)
    # Debian's own `rabbitmq-server` wants to be root, and then another user.
    place = "/usr/lib/rabbitmq/bin"
    patience_seconds = 60

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._distribution_port = free_port()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def variables(self) -> Mapping[str, str]:
        """Say in what environment."""
        return {
            "HOME": str(self.directory),
            # Neither the machine's configuration nor its plugins.
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": str(self.directory / "environment"),
            "RABBITMQ_NODENAME": f"test-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "data"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_PID_FILE": str(self.directory / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "plugins"),
            # No other node is to be spoken to, and nobody from outside this machine.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-setcookie test -kernel inet_dist_use_interface {127,0,0,1}"
            ),
        }

    def is_up(self) -> bool:
        """Tell whether it takes part in the protocol."""
        return says(self.port, b"AMQP\x00\x00\x09\x01") != b""


@pytest.fixture(scope="session")
def running_broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[BrokerServer]:
    """The one that tests share: it takes seconds to start."""
    with BrokerServer(tmp_path_factory.mktemp("broker")) as server:
        yield server


@pytest.fixture
def own_broker(running_broker: BrokerServer) -> Generator[BrokerServer]:
    """One for a test that stops it. The next test finds it running again."""
    yield running_broker
    running_broker.stop()
    running_broker.start()


@pytest.fixture
def live_broker_url(running_broker: BrokerServer) -> str:
    """A RabbitMQ that others use as well: each service has a queue of its own."""
    return running_broker.url
