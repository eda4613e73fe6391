"""What all tests share; the fixtures themselves are in `fixtures/`, a file per resource."""

from pathlib import Path

import pytest

FIXTURES = Path(__file__).parent / "fixtures"

pytest_plugins = sorted(f"tests.fixtures.{path.stem}" for path in FIXTURES.glob("*.py"))


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Run async tests on the event loop that production has."""
    return "asyncio", {"use_uvloop": True}
