"""The service as it is served, open and asked: `app/main.py` is yours to change."""

import ast
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from tests.local_tasks import carried_here
from tests.review.finding import Finding
from tests.review.requests import ROOT

MAIN = "app/main.py"
FOLDER = Path(__file__).parent / "probes"


@dataclass(frozen=True)
class Served:
    """The service, and who asks it."""

    app: FastAPI
    state: Mapping[str, Any]
    client: httpx2.AsyncClient
    heard: list[logging.LogRecord] = field(default_factory=list[logging.LogRecord])

    def has_said(self, text: str) -> bool:
        """Tell whether somebody can read it in the log."""
        return any(text in record.getMessage() for record in self.heard)


class Listener(logging.Handler):
    """Stands where the lines are written."""

    def __init__(self, heard: list[logging.LogRecord]) -> None:
        super().__init__()
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        """Remember a line, but for those of who asks."""
        if not record.name.startswith("httpx"):
            self._heard.append(record)


def made(source: str) -> FastAPI:
    """Make the service of a text, as a server does of `app/main.py`."""
    names: dict[str, Any] = {}
    exec(compile(source, ROOT / MAIN, "exec"), names)  # noqa: S102 - it is the service itself
    app: FastAPI = names["app"]
    return app


@asynccontextmanager
async def served(app: FastAPI) -> AsyncGenerator[Served]:
    """Open it, and listen to what it says."""
    async with app.router.lifespan_context(app) as opened:
        state: Mapping[str, Any] = opened or {}
        if "broker" in state:
            carried_here(state)

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"] = dict(state)
            await app(scope, receive, send)

        transport = httpx2.ASGITransport(with_state, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            service = Served(app, state, client)
            listener = Listener(service.heard)
            logging.getLogger().addHandler(listener)
            try:
                yield service
            finally:
                logging.getLogger().removeHandler(listener)


async def probed(app: FastAPI, source: str) -> list[Finding]:
    """Ask it all that there is to ask."""
    modules = [import_module(f"tests.review.probes.{path.stem}") for path in FOLDER.glob("*.py")]
    probes = {name: probe for module in modules for name, probe in module.PROBES.items()}
    async with served(app) as service:
        return [
            Finding(MAIN, line_of_app(source), name, what)
            for name, probe in sorted(probes.items())
            async for what in probe(service)
        ]


def line_of_app(source: str) -> int:
    """Give the line that makes it."""
    made = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    return next((n.lineno for n in made if "app" in map(ast.unparse, n.targets)), 1)
