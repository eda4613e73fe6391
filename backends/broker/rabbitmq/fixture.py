"""A RabbitMQ of the tests' own, which a test may stop."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import pytest

# Debian's own `rabbitmq-server` wants to be root, and then another user.
PROGRAMS = "/usr/lib/rabbitmq/bin"


def find_server() -> str:
    """Find RabbitMQ."""
    program = shutil.which("rabbitmq-server", path=PROGRAMS) or shutil.which("rabbitmq-server")
    if program is None:
        pytest.skip("There is no `rabbitmq-server` on this machine.")
    return program


class BrokerServer:
    """A server on a port of this machine. What it was told is there when it starts again."""

    def __init__(self, directory: Path) -> None:
        self._port, distribution_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            "HOME": str(directory),
            # Neither the machine's configuration nor its plugins.
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": str(directory / "environment"),
            "RABBITMQ_NODENAME": f"test-{self._port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(distribution_port),
            "RABBITMQ_MNESIA_BASE": str(directory / "data"),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            "RABBITMQ_PID_FILE": str(directory / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
            # No other node is to be spoken to, and nobody from outside this machine.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-setcookie test -kernel inet_dist_use_interface {127,0,0,1}"
            ),
        }

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"amqp://guest:guest@127.0.0.1:{self._port}/"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = find_server()
        self._process = subprocess.Popen(
            [program],
            env={**os.environ, **self._environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if is_up(self._port):
                return
            time.sleep(0.02)
        raise TimeoutError(f"{program} doesn't answer")

    def stop(self) -> None:
        """Kill it, with the virtual machine that it runs in."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
            self._process = None


@pytest.fixture(scope="session")
def running_broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[BrokerServer]:
    """The one that tests share: it takes seconds to start."""
    server = BrokerServer(tmp_path_factory.mktemp("broker"))
    server.start()
    yield server
    server.stop()


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


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_up(port: int) -> bool:
    """Tell whether it takes part in the protocol."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return bool(connection.recv(1))
    except OSError:
        return False
