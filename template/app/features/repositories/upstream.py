"""GitHub's REST API: what it is asked, and what it has to answer."""

import time
from contextlib import suppress
from http import HTTPStatus
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError

from app.core.errors import BadGateway
from app.core.http_client.answer import ErrorAnswer
from app.core.http_client.client import HttpClient
from app.features.repositories.errors import RateLimitReached, RepositoryNotFound

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}

T = TypeVar("T")


class GitHubSettings(BaseModel):
    """Where GitHub is."""

    # Without a slash at its end.
    github_url: str = Field(
        default="https://api.github.com", pattern=r"^https?://[^\s?#]*[^\s?#/]$"
    )


class Repository(BaseModel):
    """A repository: of some hundred fields, those that are of use."""

    full_name: str
    description: str | None
    stargazers_count: int


class Release(BaseModel):
    """A release, and neither a draft nor a preview of one."""

    tag_name: str
    published_at: AwareDatetime


REPOSITORY = TypeAdapter(Repository)
LANGUAGES = TypeAdapter(dict[str, int])
RELEASE = TypeAdapter(Release)


class GitHub:
    """Asks for a repository, which is named as in its URL: `fastapi/fastapi`."""

    def __init__(self, http_client: HttpClient, settings: GitHubSettings) -> None:
        self._http_client = http_client
        self._url = settings.github_url

    async def repository(self, name: str) -> Repository:
        """Ask what it is."""
        return await self._get(name, REPOSITORY)

    async def languages(self, name: str) -> dict[str, int]:
        """Ask for its languages, and how many bytes of each it has."""
        return await self._get(f"{name}/languages", LANGUAGES)

    async def latest_release(self, name: str) -> Release | None:
        """Ask for its latest release; not every repository has one."""
        try:
            return await self._get(f"{name}/releases/latest", RELEASE)
        except RepositoryNotFound:
            return None

    async def _get(self, path: str, expected: TypeAdapter[T]) -> T:
        try:
            answer = await self._http_client.get(f"{self._url}/repos/{path}", headers=HEADERS)
            return expected.validate_python(answer.json())
        except ErrorAnswer as error:
            if error.answered == HTTPStatus.NOT_FOUND:
                raise RepositoryNotFound from error
            if error.answered in {HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}:
                raise RateLimitReached(retry_after_seconds=seconds_to_wait(error)) from error
            raise
        except ValidationError as error:
            raise BadGateway("GitHub answered something unexpected.") from error


def seconds_to_wait(error: ErrorAnswer) -> int:
    """Tell how long GitHub wants to be left alone; it names a time, a moment, or neither."""
    with suppress(KeyError, ValueError):
        if "Retry-After" in error.headers:
            return max(1, int(error.headers["Retry-After"]))
        return max(1, int(error.headers["X-RateLimit-Reset"]) - int(time.time()))
    return 60
