"""What can go wrong with repositories."""

from app.core.errors import NotFound, Unavailable


class RepositoryNotFound(NotFound):
    """GitHub shows no such repository."""


class RateLimitReached(Unavailable):
    """GitHub answers no more questions for the moment."""
