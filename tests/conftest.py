"""One bench per worker, and what is dear to make and nobody changes: a template, a service."""

from pathlib import Path

import pytest
from workbench import Bench, Template, clone


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """The configuration that all commands of this worker share."""
    return Bench.at(tmp_path_factory.mktemp("bench"))


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
