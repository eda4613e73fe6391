"""What can go wrong on purpose.

    AppError
    ├── BadRequest        400  the request can't be understood
    ├── Unauthorized      401  nobody knows who asks
    ├── NotFound          404  there is no such thing
    ├── Conflict          409  it doesn't fit what is stored
    ├── BadGateway        502  something that the service asks answers nonsense
    ├── Unavailable       503  something that the service needs is away; try again
    └── GatewayTimeout    504  something that the service asks takes too long

A feature derives its own: `class PostNotFound(NotFound)`. 422 is left to payloads that
don't validate. `app.core.problem` renders them all.
"""

from http import HTTPStatus
from typing import ClassVar


class AppError(Exception):
    """An error with a status, told to the client in a sentence: its docstring, or a better one."""

    status: ClassVar[HTTPStatus]

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or self.__doc__ or self.status.phrase
        super().__init__(self.detail)


class BadRequest(AppError):
    """The request can't be understood."""

    status = HTTPStatus.BAD_REQUEST


class Unauthorized(AppError):
    """Nobody knows who asks."""

    status = HTTPStatus.UNAUTHORIZED


class NotFound(AppError):
    """There is no such thing."""

    status = HTTPStatus.NOT_FOUND


class Conflict(AppError):
    """The request is sound, but doesn't fit what is stored."""

    status = HTTPStatus.CONFLICT


class BadGateway(AppError):
    """Something that the service asks answers what makes no sense."""

    status = HTTPStatus.BAD_GATEWAY


class Unavailable(AppError):
    """Something that the service needs is away, or too slow."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class GatewayTimeout(AppError):
    """Something that the service asks takes too long."""

    status = HTTPStatus.GATEWAY_TIMEOUT
