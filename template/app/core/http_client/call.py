"""A call, and its tries: what is safe to repeat is repeated, as long as that is of any use."""

import asyncio
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from yarl import URL

from app.core.deadline import HEADER
from app.core.errors import AppError
from app.core.http_client.answer import (
    Answer,
    AnswerTooLarge,
    BusyAnswer,
    error_answer,
    is_failure,
    translated,
    was_never_sent,
)
from app.core.http_client.host import Host
from app.core.http_client.session import HttpClientSettings
from app.core.observability.logging import request_id
from app.core.observability.trace_context import trace_context

# Nobody is made to wait longer for a retry, whoever asks for that.
LONGEST_PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of whom."""

    method: str
    url: URL
    params: Mapping[str, str] | None
    headers: Mapping[str, str]
    body: bytes | None
    may_be_repeated: bool
    # By the clock of the event loop.
    ends_at: float
    # It has less time than others.
    is_hurried: bool


class Caller:
    """Makes calls."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        settings: HttpClientSettings,
        *,
        is_among_friends: bool,
    ) -> None:
        self._session = session
        self._settings = settings
        self._is_among_friends = is_among_friends
        self.in_flight = 0

    async def answer(self, call: Call, host: Host) -> Answer:
        """Try until there is an answer, or nothing to be gained by another try."""
        tried = 0
        while True:
            host.require()
            try:
                answer = await self._send(call)
            except AppError as error:
                if not is_failure(error):
                    host.breaker.close()
                elif not self._is_own_fault(call, error):
                    host.fail()
                if host.breaker.is_tripped:
                    raise
                pause = self._pause_seconds(call, error, tried)
                if pause is None or pause >= seconds_left(call) or not host.spend_retry():
                    raise
                await asyncio.sleep(pause)
                tried += 1
            else:
                host.breaker.close()
                return answer

    def _is_own_fault(self, call: Call, error: AppError) -> bool:
        """Tell a host that is away from one that was given too little time, or no connection."""
        is_out_of_time = type(error.__cause__) is TimeoutError
        is_crowded = self.in_flight > self._settings.http_max_connections
        return is_crowded or (is_out_of_time and call.is_hurried)

    def _pause_seconds(self, call: Call, error: AppError, tried: int) -> float | None:
        """Tell how long to wait before another try; `None` if there had better be none."""
        may_be_repeated = call.may_be_repeated or was_never_sent(error)
        if tried >= self._settings.http_retries or not may_be_repeated:
            return None
        # At any moment of a time that grows: those who failed together don't come back together.
        longest = self._settings.http_retry_pause_seconds * 2**tried
        pause = random.uniform(0, min(longest, LONGEST_PAUSE_SECONDS))  # noqa: S311 - no secret
        asked = error.pause_seconds if isinstance(error, BusyAnswer) else None
        if asked is not None:
            return asked + pause if asked <= LONGEST_PAUSE_SECONDS else None
        return pause if is_failure(error) else None

    async def _send(self, call: Call) -> Answer:
        try:
            seconds = seconds_left(call)
            async with self._session.request(
                call.method,
                call.url,
                params=call.params,
                headers=self._headers(call, seconds),
                data=call.body,
                timeout=self._timeout(seconds),
            ) as response:
                if response.status >= HTTPStatus.BAD_REQUEST:
                    raise error_answer(response.status, response.headers)
                body = await self._body(response)
                return Answer(call.url, response.status, response.headers, body)
        except (TimeoutError, aiohttp.ClientError, UnicodeError) as error:
            raise translated(error) from error

    def _headers(self, call: Call, seconds: float) -> Mapping[str, str]:
        """Name the request and its trace, and say how long anybody waits: to friends alone."""
        if not self._is_among_friends:
            return call.headers
        headers = {**call.headers, HEADER: f"{seconds:.3f}"}
        current = request_id.get()
        if current != "-":
            headers.setdefault("X-Request-ID", current)
        trace = trace_context.get()
        if trace is not None:
            headers.update(trace.headers())
        return headers

    def _timeout(self, seconds: float) -> aiohttp.ClientTimeout:
        if seconds <= 0:
            raise TimeoutError
        return aiohttp.ClientTimeout(
            total=seconds,
            connect=self._settings.http_connect_timeout_seconds,
            sock_read=self._settings.http_read_timeout_seconds,
            # Otherwise what is longer than that is rounded up to a full second.
            ceil_threshold=math.inf,
        )

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._settings.http_max_response_bytes:
                raise AnswerTooLarge
        return bytes(body)


def seconds_left(call: Call) -> float:
    """Tell for how long an answer is of use."""
    return call.ends_at - asyncio.get_running_loop().time()
