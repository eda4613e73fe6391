"""What all tests share; the fixtures themselves are in `fixtures/`, a file per resource."""

import pytest

pytest_plugins = ["tests.fixtures.app", "tests.fixtures.database", "tests.fixtures.server"]


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Run async tests on the event loop that production has."""
    return "asyncio", {"use_uvloop": True}
