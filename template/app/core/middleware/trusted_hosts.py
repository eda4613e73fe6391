"""The names under which the service may be asked."""

from collections.abc import Sequence
from http import HTTPStatus

from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.observability.health import PROBES
from app.core.problem import problem_response


class TrustedHostsSettings(BaseModel):
    """What the service is called from outside."""

    # Names without a port, `*.example.org` for all below one; `*` for any.
    trusted_hosts: list[str] = ["*"]


class TrustedHostsMiddleware:
    """Refuse what is asked under another name: it would turn up in links."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self.app = app
        self.is_open = "*" in hosts
        self.hosts = frozenset(host.lower() for host in hosts)
        self.suffixes = tuple(host[1:].lower() for host in hosts if host.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Probes go by address.
        if self.is_open or scope["type"] == "lifespan" or scope["path"] in PROBES:
            await self.app(scope, receive, send)
            return

        given = next((value for name, value in scope["headers"] if name == b"host"), b"")
        host = given.decode("latin-1").lower().rsplit(":", 1)[0]
        if host in self.hosts or host.endswith(self.suffixes):
            await self.app(scope, receive, send)
            return
        detail = "The service doesn't go by this name."
        await problem_response(HTTPStatus.BAD_REQUEST, detail)(scope, receive, send)
