"""What a call of another service costs through the service's own client, against plain aiohttp.

Run it in a rendered service, on its environment: `PYTHONPATH=. uv run python …/calls.py`.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

import aiohttp
import uvloop
from app.core.deadline import Deadline, deadline
from app.core.http_client.client import open_http_client, open_web_client
from app.core.http_client.session import HttpClientSettings
from pydantic_core import from_json

BODY = b'{"id":1,"name":"' + b"x" * 200 + b'"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)

Calls = Callable[[], Awaitable[object]]


class Upstream(asyncio.Protocol):
    """Answers whatever it is asked; a request is one piece."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - the protocol's
        self.transport.write(ANSWER)


def serve(told: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


async def cpu_microseconds(call: Calls, times: int) -> float:
    """Make calls one after the other, and tell what the process used for each."""
    started = time.process_time()
    for _ in range(times):
        await call()
    return (time.process_time() - started) / times * 1e6


async def compare(url: str, rounds: int, times: int) -> None:
    settings = HttpClientSettings(http_private_addresses=True)
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        open_http_client(settings) as http_client,
        open_web_client(settings) as web_client,
    ):

        async def plain() -> object:
            async with session.get(url) as response:
                return from_json(await response.read())

        async def through_client() -> object:
            return (await http_client.get(url)).json()

        async def through_web_client() -> object:
            return (await web_client.get(url)).json()

        async def within_a_request() -> object:
            async with asyncio.timeout(10) as limit:
                token = deadline.set(Deadline(limit))
                try:
                    return (await http_client.get(url)).json()
                finally:
                    deadline.reset(token)

        ways: dict[str, Calls] = {
            "aiohttp": plain,
            "http_client": through_client,
            "http_client, in a request with a deadline": within_a_request,
            "web_client": through_web_client,
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds + 1):
            for name in list(ways)[:: -1 if number % 2 else 1]:
                used = await cpu_microseconds(ways[name], times)
                if number:  # the first round warms up
                    taken[name].append(used)
    print("| | CPU µs | × aiohttp |\n|---|--:|--:|")
    for name, used in taken.items():
        ratios = [one / other for one, other in zip(used, taken["aiohttp"], strict=True)]
        print(f"| {name} | {statistics.median(used):.0f} | {statistics.median(ratios):.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--calls", type=int, default=2000)
    options = parser.parse_args()
    hears, told = multiprocessing.Pipe(duplex=False)
    upstream = multiprocessing.Process(target=serve, args=[told], daemon=True)
    upstream.start()
    try:
        url = f"http://127.0.0.1:{hears.recv()}/ships"
        uvloop.run(compare(url, options.rounds, options.calls))
    finally:
        upstream.kill()


if __name__ == "__main__":
    main()
