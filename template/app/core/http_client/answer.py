"""What comes of a call: an answer, or an error that says what went wrong."""

import logging
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import aiohttp
from pydantic_core import from_json
from yarl import URL

from app.core.errors import AppError, BadGateway, BadRequest, GatewayTimeout, Unavailable
from app.core.http_client.addresses import AddressRefusedError

logger = logging.getLogger(__name__)

# It can't answer for the moment, or it isn't the one who can't.
AWAY = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
BUSY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, with a status below 400."""

    url: URL = field(repr=False)
    status: int
    # Their names are found in any case.
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Parse it, to be validated."""
        try:
            return from_json(self.body)
        except ValueError as error:
            logger.warning("%s answered something that is no JSON", shown(self.url))
            raise BadGateway from error


class ErrorAnswer(BadGateway):
    """What the service asked answered with an error."""

    def __init__(self, answered: int, headers: Mapping[str, str]) -> None:
        super().__init__()
        self.answered = answered
        self.headers = headers


class BusyAnswer(ErrorAnswer, Unavailable):
    """What the service asked can't answer for the moment."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, answered: int, headers: Mapping[str, str]) -> None:
        super().__init__(answered, headers)
        # As it said itself, if it did.
        self.pause_seconds = asked_pause_seconds(headers)
        self.retry_after_seconds = max(1, math.ceil(self.pause_seconds or 0))


class AnswerTooLarge(BadGateway):
    """What the service asked answered with more than it can take."""


class UrlRefused(BadRequest):
    """The URL leads where the service doesn't go."""


def shown(url: URL) -> str:
    """Write a URL without user and parameters, which may be personal."""
    return f"{url.origin()}{url.raw_path}"


def error_answer(answered: int, headers: Mapping[str, str]) -> ErrorAnswer:
    """Tell who is busy from who doesn't like what he is asked."""
    kind = BusyAnswer if answered in BUSY else ErrorAnswer
    return kind(answered, headers)


def asked_pause_seconds(headers: Mapping[str, str]) -> float | None:
    """Read `Retry-After`: a number of seconds, or a date."""
    said = headers.get("Retry-After", "")
    with suppress(ValueError, OverflowError):
        if said.isdecimal():
            return float(said)
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    return None


def translated(error: Exception) -> AppError:
    """Tell what is slow from what is away, and both from what makes no sense."""
    if isinstance(error, TimeoutError):
        return GatewayTimeout()
    if isinstance(error, aiohttp.ClientConnectorError):
        is_refused = isinstance(error.os_error, AddressRefusedError)
        return UrlRefused() if is_refused else Unavailable()
    if isinstance(error, UnicodeError | aiohttp.InvalidURL):
        return UrlRefused()
    return Unavailable() if isinstance(error, aiohttp.ClientConnectionError) else BadGateway()


def is_failure(error: AppError) -> bool:
    """Tell whether somebody is away, as opposed to whatever else went wrong."""
    if isinstance(error, ErrorAnswer):
        return error.answered in AWAY
    is_cut = isinstance(error.__cause__, aiohttp.ClientPayloadError)
    return is_cut or isinstance(error, Unavailable | GatewayTimeout)


def was_never_sent(error: AppError) -> bool:
    """Tell whether there was no connection to begin with, so that nobody saw the request."""
    unconnected = aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError
    return isinstance(error.__cause__, unconnected)
