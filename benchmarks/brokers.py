"""Brokers of our own: on 127.0.0.1, with their data where it is gone afterwards."""

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from processes import CLIENT_CPU, fail, free_port, listens, running

# Debian's own `rabbitmq-server` wants to be root, and then another user.
RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"


def find(*programs: str) -> str:
    found = next(filter(None, map(shutil.which, programs)), None)
    return found or fail(f"{programs[0]} is missing: install it")


@contextmanager
def own_redis(work: Path) -> Generator[str]:
    """One that keeps what it is told, as one that carries tasks has to; its URL."""
    port = free_port()
    server = (find("redis-server", "valkey-server"), "--bind", "127.0.0.1", "--port", port)
    kept = ("--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--loglevel")
    command = (*server, "--dir", work, *kept, "warning")
    with running(*command, cpu=CLIENT_CPU, directory=work, ready=partial(listens, port)):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def own_nats(work: Path) -> Generator[str]:
    """One with JetStream; its URL."""
    port = free_port()
    command = (find("nats-server"), "-a", "127.0.0.1", "-p", port, "-js", "-sd", work / "nats")
    command = (*command, "-l", work / "nats.log")
    with running(*command, cpu=CLIENT_CPU, directory=work, ready=partial(listens, port)):
        yield f"nats://127.0.0.1:{port}"


@contextmanager
def own_rabbitmq(work: Path) -> Generator[str]:
    """A node that knows no other; its URL."""
    port = free_port()
    places = {
        "RABBITMQ_CONFIG_FILE": "rabbitmq",
        "RABBITMQ_CONF_ENV_FILE": "environment",
        "RABBITMQ_MNESIA_BASE": "data",
        "RABBITMQ_LOG_BASE": "log",
        "RABBITMQ_PID_FILE": "pid",
        "RABBITMQ_ENABLED_PLUGINS_FILE": "plugins",
    }
    variables = {name: str(work / "rabbitmq" / place) for name, place in places.items()}
    (work / "rabbitmq").mkdir()
    # Where its nodes speak to one another, on this machine alone too.
    erlang = "-setcookie bench -kernel inet_dist_use_interface {127,0,0,1}"
    variables |= {
        "HOME": str(work / "rabbitmq"),
        "RABBITMQ_NODENAME": f"bench-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": port,
        "RABBITMQ_DIST_PORT": str(int(port) + 1000),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": erlang,
    }
    command = RABBITMQ if os.access(RABBITMQ, os.X_OK) else find("rabbitmq-server")
    ready = partial(listens, port)
    with running(command, cpu=CLIENT_CPU, directory=work, ready=ready, **variables):
        yield f"amqp://guest:guest@127.0.0.1:{port}/"


OWN = {"redis": own_redis, "rabbitmq": own_rabbitmq, "nats": own_nats}
