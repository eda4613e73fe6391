"""What goes over the wire."""

from pydantic import AwareDatetime, BaseModel, Field


class ReleaseOut(BaseModel):
    """A release."""

    tag: str
    published_at: AwareDatetime


class RefreshOut(BaseModel):
    """Somebody looks it up again. What becomes of that is told elsewhere."""

    task_id: str
    status_url: str


class RepositoryOut(BaseModel):
    """A repository at a glance."""

    name: str
    description: str | None
    stars: int
    languages: list[str] = Field(description="The one with the most code first.")
    latest_release: ReleaseOut | None
