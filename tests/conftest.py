"""One bench per worker, and what is dear to make and nobody changes: a template, a service."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from _pytest.nodeid import NodeId
from deep.installation import missing_pythons
from workbench import Bench, Template, clone


def pytest_configure() -> None:
    """Let commands be interrupted, although a shell's `&` makes all that it starts ignore that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


# What takes long. At the end of a run, the other workers would wait for it; side by side, what
# computes leaves no CPU to the others, and what mostly waits leaves them idle.
LONG = (
    ("tests/deep/test_service.py",),
    ("tests/deep/test_unplugged.py",),
    (
        "tests/test_backends.py::test_the_backends_of_an_axis_offer_the_same",
        "tests/test_update.py",
        "tests/test_wheel.py",
    ),
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what is long, evenly mixed, and keep groups of tests on one worker.

    pytest-xdist 3.8 writes the group into an attribute that pytest 9.2 no longer reads.
    """
    places = dict[pytest.Item, float]()
    for paths in LONG:
        found = [item for item in items if item.nodeid.startswith(paths)]
        places |= {item: number / len(found) for number, item in enumerate(found)}
    items.sort(key=lambda item: places.get(item, 1))
    if config.getoption("loadgroup", default=False):
        for item in items:
            group = item.get_closest_marker("xdist_group")
            if group is not None and "@" not in item.nodeid:
                node: Any = item
                node._id = NodeId.parse(f"{item.nodeid}@{group.args[0]}")  # noqa: SLF001


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what this machine could not run, so that a green run does not claim it."""
    terminalreporter.section("not run here")
    for version in missing_pythons():
        terminalreporter.line(
            f"Python {version}: not on this machine; its services are rendered, parsed and linted"
        )
    for program in ("prometheus", "promtool"):
        if shutil.which(program) is None:
            terminalreporter.line(f"{program}: not on this machine; dashboards and alerts are read")
    terminalreporter.line("Docker: the image and compose.yaml are linted; what they run is run")


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The configuration that all commands of this worker share."""
    return Bench.at(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of all workers."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def template(bench: Bench) -> Template:
    """The repository, committed and released. Not to be changed: `clone` makes another."""
    return clone(bench, bench.root / "shipway", tag="v0.1.0")


@pytest.fixture(scope="session")
def orders(template: Template) -> Path:
    """A service with the default answers. Not to be changed: `copy` makes another."""
    return template.start(template.bench.root / "services" / "orders")


@pytest.fixture(scope="session")
def lean(bench: Bench) -> Template:
    """A template that renders little, and fast. Not to be changed."""
    return clone(bench, bench.root / "lean" / "shipway", tag="v0.1.0", lean=True)


@pytest.fixture(scope="session")
def lean_service(lean: Template) -> Path:
    """A service of the lean template. Not to be changed: `copy` makes another."""
    return lean.start(lean.bench.root / "lean" / "orders")
