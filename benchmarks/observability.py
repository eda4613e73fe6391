"""What it costs a small request to be watched: the same service, as settings have it watched.

Run it in a rendered service, on its environment: `PYTHONPATH=. uv run python …/observability.py`.
Requests go to the application without a socket; ways take turns, each in a process of its own.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from tempfile import TemporaryDirectory
from typing import Any

from app.core.application import create_app
from app.core.middleware import envelope
from app.core.observability.logging import write_what_is_left
from app.core.observability.metrics import DIRECTORY, PROCESS
from app.settings import Settings
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

PORT = 18310
COLLECTOR = {"otel_exporter_otlp_endpoint": f"http://127.0.0.1:{PORT}"}
REPORTS = {"sentry_dsn": f"http://key@127.0.0.1:{PORT}/1"}
QUIET = {"log_level": "INFO", "request_log_rate": 0.0}
LOUD = {"log_level": "INFO", "log_format": "json"}
# Without metrics, which no setting switches off.
BARE = "bare"
UNWATCHED = "metrics"
# As `app.core.server` has it where it starts several: numbers are kept in files.
SEVERAL = "metrics of several processes"
# Each is compared with the first, those that send something with what they have besides. Those
# whose settings a service lacks are left out.
WAYS: Mapping[str, Mapping[str, object]] = {
    BARE: QUIET,
    UNWATCHED: QUIET,
    SEVERAL: QUIET,
    "metrics, and a line for each request": {**LOUD, "request_log_rate": 1.0},
    "metrics, and a line for one of a hundred": {**LOUD, "request_log_rate": 0.01},
    "traces at 1 %": {**QUIET, **COLLECTOR, "tracing_sample_ratio": 0.01},
    "traces at 100 %": {**QUIET, **COLLECTOR, "tracing_sample_ratio": 1.0},
    "Sentry, without an error": {**QUIET, **REPORTS},
    "traces at 1 %, and Sentry": {**QUIET, **COLLECTOR, **REPORTS, "tracing_sample_ratio": 0.01},
}
WARM_UP = 500

router = APIRouter()


class Item(BaseModel):
    id: int
    name: str


@router.get("/items/{item_id}")
async def get_item(item_id: int) -> Item:
    return Item(id=item_id, name="a name")


def ways() -> list[str]:
    known = Settings.model_fields.keys()
    return [name for name, changed in WAYS.items() if changed.keys() <= known]


async def ask(app: FastAPI, state: Mapping[str, Any], requests: int) -> None:
    """Ask for the same again and again, as a browser would."""
    headers = [(b"host", b"test"), (b"accept", b"*/*"), (b"accept-encoding", b"gzip, br, zstd")]
    headers += [(b"user-agent", b"a benchmark"), (b"x-forwarded-for", b"192.0.2.1")]

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        if message.get("status", 200) != HTTPStatus.OK:
            sys.exit(f"error: the answer was {message}")

    for _ in range(requests):
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": "/items/1",
            "raw_path": b"/items/1",
            "root_path": "",
            "query_string": b"",
            "headers": headers,
            "client": ("192.0.2.1", 1),
            "server": ("test", 80),
            "state": dict(state),
        }
        # A server gives each request a task, and so a context, of its own.
        await asyncio.create_task(app(scope, receive, send))


async def microseconds(way: str, requests: int) -> float:
    """Give the CPU of a request, what threads do for it included."""
    if way == BARE:
        envelope.count_request = lambda *_: None
    app = create_app(Settings().model_copy(update=dict(WAYS[way])), (router,))
    async with app.router.lifespan_context(app) as state:
        await ask(app, state or {}, WARM_UP)
        began = time.process_time()
        await ask(app, state or {}, requests)
        write_what_is_left()
        return (time.process_time() - began) / requests * 1e6


class Taker(BaseHTTPRequestHandler):
    """Takes whatever is sent."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def compare(rounds: int, requests: int) -> None:
    taker = ThreadingHTTPServer(("127.0.0.1", PORT), Taker)
    threading.Thread(target=taker.serve_forever, daemon=True).start()
    taken: dict[str, list[float]] = {name: [] for name in ways()}
    for _ in range(rounds):
        for name, each in taken.items():
            command = [sys.executable, __file__, "--way", name, "--requests", str(requests)]
            with TemporaryDirectory(prefix="shipway-bench-") as directory:
                shared = {DIRECTORY: directory, PROCESS: "0"} if name == SEVERAL else {}
                done = subprocess.check_output(
                    command, stderr=subprocess.DEVNULL, env={**os.environ, **shared}
                )
            each.append(float(done))
    print(f"{BARE}: {statistics.median(taken[BARE]):.1f} µs")
    for name, each in taken.items():
        base = UNWATCHED if WAYS[name].keys() & (COLLECTOR.keys() | REPORTS.keys()) else BARE
        added = [one - other for other, one in zip(taken[base], each, strict=True)]
        print(f"{name}: {statistics.median(added):+.1f} µs on {base}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=10_000)
    asked = parser.parse_args()
    if asked.way:
        print(asyncio.run(microseconds(asked.way, asked.requests)))
    else:
        compare(asked.rounds, asked.requests)
