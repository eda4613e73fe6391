"""What Prometheus is told of: counted where it happens, for all processes of a service together.

With several processes each keeps its numbers in a file of its own, in a directory that they share:
the numbers of one that was killed stay, and whoever takes its place goes on in its file.
"""

import os
import time
from functools import cache, partial

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector

# The library's own variable, and ours for the name of the process's file.
DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
PROCESS = "METRICS_PROCESS"

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

if DIRECTORY in os.environ and PROCESS in os.environ:
    # Before the first number is made: it is kept where the class says.
    file_of = partial(os.environ.__getitem__, PROCESS)
    values.ValueClass = values.MultiProcessValue(file_of)

# When each series began is of no use, and would be a series of its own.
disable_created_metrics()

# Not the library's: that one has numbers of its own, which it can't give for several processes.
REGISTRY = CollectorRegistry()

# In seconds. From a read out of memory to what nobody waits for.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
BYTES = (256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 16_777_216)

REQUESTS = Histogram(
    "http_request_duration_seconds",
    "From the first byte of a request to the first of its answer.",
    ["method", "route", "status"],
    buckets=SECONDS,
    registry=REGISTRY,
)
SIZES = Histogram(
    "http_response_size_bytes",
    "Bodies as they were sent, compressed if they were.",
    ["method", "route"],
    buckets=BYTES,
    registry=REGISTRY,
)
ERRORS = Counter(
    "http_errors",
    "Requests that ended with an exception that nobody caught.",
    ["route", "exception"],
    registry=REGISTRY,
)
OPERATIONS = Histogram(
    "operation_duration_seconds",
    "What requests and tasks waited for.",
    ["operation"],
    buckets=SECONDS,
    registry=REGISTRY,
)
LAG = Histogram(
    "event_loop_lag_seconds",
    "How much later than asked for the event loop wakes a sleeper, ten times a second.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
    registry=REGISTRY,
)


class Traffic:
    """Requests under way in this process."""

    in_flight = 0


traffic = Traffic()

STARTED_AT = time.time()

# What a client may invent must not become a series of its own.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@cache
def request_numbers(method: str, route: str, status_class: int) -> tuple[Histogram, Histogram]:
    """Look the series of a request up; to build one takes as long as to count ten requests."""
    return REQUESTS.labels(method, route, f"{status_class}xx"), SIZES.labels(method, route)


def count_request(method: str, route: str, status: int, seconds: float, size: int) -> None:
    """Count a request that was answered; `route` is a template, never a path."""
    known = method if method in METHODS else "other"
    duration, sizes = request_numbers(known, route, status // 100)
    duration.observe(seconds)
    sizes.observe(size)


@cache
def operation_number(operation: str) -> Histogram:
    """Look the series of an operation up."""
    return OPERATIONS.labels(operation)


@cache
def gauge(name: str) -> Gauge:
    """Give the number of that name: how much there is, in all processes together."""
    return Gauge(name, "See /status.", registry=REGISTRY, multiprocess_mode="livesum")


@cache
def counter(name: str) -> Counter:
    """Give the number of that name: how often something happened."""
    return Counter(name, "See /status.", registry=REGISTRY)


def all_processes() -> CollectorRegistry:
    """Give the numbers of all processes of the service. It may read files."""
    if PROCESS not in os.environ:
        return REGISTRY
    together = CollectorRegistry()
    MultiProcessCollector(together, os.environ[DIRECTORY])
    return together


def exposition() -> bytes:
    """Write all numbers down, as Prometheus reads them."""
    return generate_latest(all_processes())
