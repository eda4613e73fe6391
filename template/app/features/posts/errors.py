"""What can go wrong with posts."""

from typing import Self

from app.core.errors import BadRequest, Conflict, NotFound


class PostNotFound(NotFound):
    """There is no such post."""

    @classmethod
    def with_id(cls, post_id: int) -> Self:
        """Say which."""
        return cls(f"There is no post {post_id}.")


class AuthorNotFound(NotFound):
    """There is no such author."""


class AuthorUnknown(Conflict):
    """The post names an author who doesn't exist."""

    @classmethod
    def with_id(cls, author_id: int) -> Self:
        """Say which."""
        return cls(f"There is no author {author_id}.")


class NotAPost(BadRequest):
    """A line of the file is no post."""

    @classmethod
    def at(cls, number: int, field: str, problem: str) -> Self:
        """Say which line, and what is wrong with it."""
        return cls(f"Post {number} of the file, {field or 'as a whole'}: {problem}.")


class EmailTaken(Conflict):
    """Another author has this address."""


class TitleTaken(Conflict):
    """The author has a post of this title."""


class PostChanged(Conflict):
    """Somebody else changed the post since you read it. Read it again."""
