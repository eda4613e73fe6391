"""Whoever takes reports of errors: a real server that speaks to Sentry's SDK."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

# For what takes some milliseconds, on a machine that others keep busy.
PATIENCE_SECONDS = 30


@dataclass
class Reports:
    """Keeps the events that it gets. It may be slow, or refuse them."""

    dsn: str = ""
    status: int = 200
    seconds: float = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    # As they came, to look for what must not be there.
    bodies: list[bytes] = field(default_factory=list)

    async def take(self, request: web.BaseRequest) -> web.Response:
        """Take an envelope: a line about it, and then a line about each item, and the item."""
        body = await request.read()
        self.bodies.append(body)
        await asyncio.sleep(self.seconds)
        lines = [json.loads(line) for line in body.splitlines()]
        about, items = lines[1::2], lines[2::2]
        self.events += [
            item for kind, item in zip(about, items, strict=True) if kind["type"] == "event"
        ]
        return web.json_response({}, status=self.status)

    async def event(self, where: str) -> dict[str, Any]:
        """Wait for the report of a route, or a task, that failed."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                for event in self.events:
                    if event.get("transaction") == where:
                        return event
                await asyncio.sleep(0.01)


@pytest.fixture
async def reports() -> AsyncGenerator[Reports]:
    """Who is told of errors."""
    reports = Reports()
    # Whoever doesn't wait any longer ends the handler, too.
    server = web.Server(reports.take, access_log=None, handler_cancellation=True)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reports.dsn = "http://key@{}:{}/1".format(*runner.addresses[0])
    yield reports
    await runner.cleanup()
