"""What the errors of a database mean to those who asked."""

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from enum import Enum, auto

from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.core.errors import AppError, GatewayTimeout, Unavailable

logger = logging.getLogger(__name__)


class Failure(Enum):
    """The kinds that are nobody's mistake; all others are ours, and a 500."""

    # It can't be reached, is starting, stopping, full or out of connections.
    AWAY = auto()
    # It answers, and doesn't let the service in: a wrong password, no such database.
    REFUSED = auto()
    # Another transaction was in the way, and the same again may well succeed.
    CONFLICT = auto()
    # A statement took longer than it may.
    SLOW = auto()


def meaning(failure: Failure) -> AppError:
    """Say it to a client."""
    if failure is Failure.SLOW:
        return GatewayTimeout("The database took too long.")
    return Unavailable("The database is unavailable. Try again.")


@contextmanager
def translated(failure_of: Callable[[Exception], Failure | None]) -> Generator[None]:
    """Tell a database that is away, overrun or slow from a mistake of the service."""
    try:
        yield
    except AppError:
        raise
    except Exception as error:
        is_full = isinstance(error, PoolTimeoutError)
        failure = Failure.AWAY if is_full else failure_of(error)
        if failure is None:
            raise
        logger.warning("The database can't serve: %s", error)
        raise meaning(failure) from error
