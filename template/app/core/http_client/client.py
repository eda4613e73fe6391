"""What the service asks of others, over HTTP: connections are reused, and nobody waits for long."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated

import aiohttp
from fastapi import Depends
from fastapi.requests import HTTPConnection
from pydantic_core import to_json
from yarl import URL

from app.core.deadline import remaining_seconds
from app.core.errors import AppError
from app.core.http_client.addresses import public_socket
from app.core.http_client.answer import Answer, UrlRefused, shown
from app.core.http_client.call import Call, Caller
from app.core.http_client.host import Counts, Hosts
from app.core.http_client.session import HttpClientSettings, open_session
from app.core.observability.timing import spending

logger = logging.getLogger(__name__)

Strings = Mapping[str, str]

# A second one of these changes nothing (RFC 9110).
IDEMPOTENT = {"GET", "PUT", "DELETE"}
# Of what is left of a request's time, and at most: to make something of a call that took too long.
RESERVE, LONGEST_RESERVE_SECONDS = 0.1, 0.1


class HttpClient:
    """Asks, and raises an `AppError` where it doesn't get what it asked for.

    A call ends within `http_total_timeout_seconds`, and within the time of the request that it is
    made for, however often it is tried. A status from 400 is an `ErrorAnswer`, which tells it.
    """

    totals = frozenset({"calls", "failures", "retries", "seconds"})

    def __init__(
        self,
        name: str,
        session: aiohttp.ClientSession,
        settings: HttpClientSettings,
        *,
        is_among_friends: bool,
    ) -> None:
        self.name = name
        self._total_seconds = settings.http_total_timeout_seconds
        self._caller = Caller(session, settings, is_among_friends=is_among_friends)
        self._hosts = Hosts(settings)

    async def get(
        self, url: str, *, params: Strings | None = None, headers: Strings | None = None
    ) -> Answer:
        """Ask for something."""
        return await self.request("GET", url, params=params, headers=headers)

    async def get_all(
        self, urls: Iterable[str], *, at_once: int = 10, headers: Strings | None = None
    ) -> list[Answer | AppError]:
        """Ask for many things side by side; what fails is an error among the answers."""
        turn = asyncio.Semaphore(at_once)

        async def get(url: str) -> Answer | AppError:
            async with turn:
                try:
                    return await self.get(url, headers=headers)
                except AppError as error:
                    return error

        # Whoever cancels the one who waits cancels all of them.
        async with asyncio.TaskGroup() as calls:
            tasks = [calls.create_task(get(url)) for url in urls]
        return [task.result() for task in tasks]

    async def post(
        self,
        url: str,
        json: object = None,
        *,
        headers: Strings | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Send JSON. With a key, by which the other side knows it again, it may be repeated."""
        return await self.request(
            "POST", url, json, headers=headers, idempotency_key=idempotency_key
        )

    async def put(self, url: str, json: object, *, headers: Strings | None = None) -> Answer:
        """Put JSON in the place of what is there."""
        return await self.request("PUT", url, json, headers=headers)

    async def patch(
        self,
        url: str,
        json: object,
        *,
        headers: Strings | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Change what is there. For the key, see `post`."""
        return await self.request(
            "PATCH", url, json, headers=headers, idempotency_key=idempotency_key
        )

    async def delete(self, url: str, *, headers: Strings | None = None) -> Answer:
        """Remove what is there."""
        return await self.request("DELETE", url, headers=headers)

    async def request(
        self,
        method: str,
        url: str,
        json: object = None,
        *,
        params: Strings | None = None,
        headers: Strings | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Ask by any method. `json` is whatever Pydantic can write, models too."""
        target = parsed(url)
        seconds = self._seconds()
        sent = dict(headers or {})
        body = None
        if json is not None:
            body = to_json(json)
            sent["Content-Type"] = "application/json"
        if idempotency_key is not None:
            sent["Idempotency-Key"] = idempotency_key
        call = Call(
            method,
            target,
            params,
            sent,
            body,
            may_be_repeated=method in IDEMPOTENT or idempotency_key is not None,
            ends_at=asyncio.get_running_loop().time() + seconds,
            is_hurried=seconds < self._total_seconds,
        )
        return await self._counted(call)

    async def ping(self) -> None:
        """Nothing to ask: that another service is away is told to those who need it."""

    def stats(self) -> Mapping[str, float]:
        """Count the calls under way, and what became of the others."""
        return {"in_flight": self._caller.in_flight, **self._hosts.stats()}

    def counts(self) -> dict[str, Counts]:
        """Tell what became of the calls, by host."""
        return self._hosts.counts()

    def _seconds(self) -> float:
        """Tell how long a call may take from now on."""
        left = remaining_seconds()
        if left is None:
            return self._total_seconds
        return min(self._total_seconds, left - min(RESERVE * left, LONGEST_RESERVE_SECONDS))

    async def _counted(self, call: Call) -> Answer:
        host = self._hosts.get(f"{call.url.scheme}://{call.url.raw_host}:{call.url.port}")
        host.begin()
        started = time.perf_counter()
        self._caller.in_flight += 1
        try:
            with spending("outbound", f"{call.method} {shown(call.url)}"):
                return await self._caller.answer(call, host)
        except AppError as error:
            reason = type(error.__cause__ or error).__name__
            logger.warning("%s %s failed: %s", call.method, shown(call.url), reason)
            raise
        finally:
            self._caller.in_flight -= 1
            host.counts.seconds += time.perf_counter() - started


def parsed(url: str) -> URL:
    """Take a URL apart, if it is one for HTTP."""
    try:
        target = URL(url)
    except ValueError as error:
        raise UrlRefused from error
    if target.scheme not in {"http", "https"} or not target.raw_host:
        raise UrlRefused
    return target


@asynccontextmanager
async def open_http_client(settings: HttpClientSettings) -> AsyncGenerator[HttpClient]:
    """Open the client for the services that the settings name."""
    async with open_session(settings) as session:
        yield HttpClient("http_client", session, settings, is_among_friends=True)


@asynccontextmanager
async def open_web_client(settings: HttpClientSettings) -> AsyncGenerator[HttpClient]:
    """Open a client for URLs that come from anybody.

    It reaches public addresses alone, and shares nothing with the other one: such URLs don't use
    up its connections, and their hosts don't take the places of its own.
    """
    is_open = settings.http_private_addresses
    async with open_session(settings, None if is_open else public_socket) as session:
        yield HttpClient("web_client", session, settings, is_among_friends=False)


async def get_http_client(connection: HTTPConnection) -> HttpClient:
    """Take the client from a request or a socket."""
    http_client: HttpClient = connection.state.http_client
    return http_client


async def get_web_client(connection: HTTPConnection) -> HttpClient:
    """Take the one for URLs that come from anybody."""
    web_client: HttpClient = connection.state.web_client
    return web_client


HttpClientDep = Annotated[HttpClient, Depends(get_http_client)]
WebClientDep = Annotated[HttpClient, Depends(get_web_client)]
