"""What goes over the wire."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import RowId
from app.core.pagination import Page, PageQuery
from app.core.text import Text


class AuthorIn(BaseModel):
    """An author to be added."""

    name: Text = Field(min_length=1, max_length=100)
    email: Text = Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")


class AuthorOut(BaseModel):
    """An author."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str


class PostIn(BaseModel):
    """A post to be added."""

    author_id: RowId
    title: Text = Field(min_length=1, max_length=200)
    body: Text = Field(max_length=20_000)


class PostUpdate(PostIn):
    """A post that takes the place of another."""

    version: RowId | None = Field(
        default=None,
        description="The version that you read; if there is a newer one, the answer is 409.",
    )


class PostOut(BaseModel):
    """A post."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    author: AuthorOut
    title: str
    body: str
    word_count: int | None = Field(description="Counted in the background; null until then.")
    likes: int
    version: int
    created_at: datetime
    updated_at: datetime


class PostQuery(PageQuery):
    """Which posts a client asks for."""

    author_id: RowId | None = None


class PostPage(Page):
    """Posts, newest first."""

    items: list[PostOut]


class PostBatch(BaseModel):
    """Posts to be added, all or none."""

    posts: list[PostIn] = Field(min_length=1, max_length=1000)


class PostBatchOut(BaseModel):
    """What became of a batch."""

    created: int


class PostImportOut(BaseModel):
    """An import that was accepted. What becomes of it is told elsewhere."""

    task_id: str
    status_url: str


class AuthorStatistics(AuthorOut):
    """How much an author wrote."""

    posts: int
    words: int


class DigestOut(BaseModel):
    """A digest of a post, slow to compute and so slow to forge."""

    algorithm: str
    digest: str
