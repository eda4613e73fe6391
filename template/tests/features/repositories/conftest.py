import json

import pytest

from app.settings import Settings
from tests.fixtures.upstream import Answer, Upstream

REPOSITORY = {"full_name": "acme/ships", "description": "They float.", "stargazers_count": 7}
RELEASE = {"tag_name": "v1.2", "published_at": "2026-01-02T03:04:05Z"}


@pytest.fixture
def settings(settings: Settings, upstream: Upstream) -> Settings:
    """The settings, with a GitHub of the test's own."""
    return settings.model_copy(update={"github_url": upstream.url})


@pytest.fixture
def github(upstream: Upstream) -> Upstream:
    """A GitHub that knows one repository."""
    upstream.answers = {
        "/repos/acme/ships": Answer(json.dumps(REPOSITORY).encode()),
        "/repos/acme/ships/languages": Answer(b'{"C": 10, "Python": 200}'),
        "/repos/acme/ships/releases/latest": Answer(json.dumps(RELEASE).encode()),
    }
    return upstream
