"""What can go wrong with posts."""

from app.core.errors import Conflict, NotFound


class PostNotFound(NotFound):
    """There is no such post."""


class AuthorNotFound(NotFound):
    """There is no such author."""


class AuthorUnknown(Conflict):
    """The post names an author who doesn't exist."""


class EmailTaken(Conflict):
    """Another author has this address."""


class TitleTaken(Conflict):
    """The author has a post of this title."""


class PostChanged(Conflict):
    """Somebody else changed the post since you read it. Read it again."""
