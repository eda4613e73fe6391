"""How patient the service is with others, and how much it takes from them."""

import aiohttp
from pydantic import BaseModel, Field


class HttpClientSettings(BaseModel):
    """Of each of the two clients."""

    # For a connection, the wait for one that is free included.
    http_connect_timeout_seconds: float = Field(default=2, gt=0)
    # For an answer to begin, and between two pieces of it.
    http_read_timeout_seconds: float = Field(default=5, gt=0)
    # For all of a call, from its first try to the last byte of its answer.
    http_total_timeout_seconds: float = Field(default=10, gt=0)
    http_max_connections: int = Field(default=100, ge=1)
    http_max_connections_per_host: int = Field(default=50, ge=1)
    # Of an answer, unpacked: it is kept in memory, and parsed on the event loop.
    http_max_response_bytes: int = Field(default=1_000_000, ge=1)
    # Of a call, where a repetition does no harm.
    http_retries: int = Field(default=2, ge=0)
    # Before the first of them, at most; before each further one twice as much.
    http_retry_pause_seconds: float = Field(default=0.1, gt=0)
    # Of a host, per call: an outage may not multiply what it is asked.
    http_retry_budget: float = Field(default=0.1, ge=0)
    # After so many failures without a break a host is left alone for a time.
    http_breaker_failures: int = Field(default=5, ge=1)
    http_breaker_seconds: float = Field(default=5, gt=0)
    # May URLs that come from anybody lead into the network that the service is in?
    http_private_addresses: bool = False


def open_session(
    settings: HttpClientSettings, make_socket: aiohttp.SocketFactoryType | None = None
) -> aiohttp.ClientSession:
    """Make a session; connections are made as they are needed."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=settings.http_max_connections,
            limit_per_host=settings.http_max_connections_per_host,
            socket_factory=make_socket,
        ),
        # What one request is given to keep is no business of the next.
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    # It would send what failed a second time by itself, outside of any budget. There is no public
    # way to say so.
    session._retry_connection = False
    return session
