"""The cache that a test gets."""

import pytest

from app.core.cache.store import CacheSettings


@pytest.fixture
def cache_settings() -> CacheSettings:
    """The settings of a cache of the test's own."""
    return CacheSettings()
