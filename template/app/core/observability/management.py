"""What is for those who run the service, and not for the public."""

import secrets

import anyio.to_thread
from fastapi import APIRouter, Depends, Response
from fastapi.requests import HTTPConnection
from pydantic import Field, SecretStr

from app.core.errors import NotFound, Unauthorized
from app.core.observability import metrics
from app.core.observability.identity import DEVELOPMENT, IdentitySettings

router = APIRouter(tags=["management"])


class ManagementSettings(IdentitySettings):
    """Who may see how the service is. In development everybody may."""

    # A port of its own, which isn't reached from outside; 0 for none.
    management_port: int = Field(default=0, ge=0, le=65535)
    # Or, on the port of the service, whoever sends it: `Authorization: Bearer …`.
    management_token: SecretStr = SecretStr("")


class NoToken(Unauthorized):
    """Management needs its token: `Authorization: Bearer …`."""


class NotHere(NotFound):
    """There is no such thing here."""


async def allow_management(connection: HTTPConnection) -> None:
    """Let through who came by the port of management, or has the token."""
    settings: ManagementSettings = connection.state.settings
    server = connection.scope.get("server")
    if settings.environment == DEVELOPMENT:
        return
    if settings.management_port and server and server[1] == settings.management_port:
        return
    token = settings.management_token.get_secret_value()
    if not token:
        raise NotHere
    given = connection.headers.get("authorization", "")
    # What takes longer where more of it is right would tell how much is.
    if not secrets.compare_digest(given.encode(), f"Bearer {token}".encode()):
        raise NoToken


MANAGEMENT = Depends(allow_management)


@router.get("/metrics", dependencies=[MANAGEMENT], include_in_schema=False)
async def prometheus(connection: HTTPConnection) -> Response:
    """Write down the numbers of all processes, as Prometheus reads them."""
    connection.state.watch.look(connection.scope["state"])
    # With several processes it reads their files.
    body = await anyio.to_thread.run_sync(metrics.exposition)
    return Response(body, headers={"Content-Type": metrics.CONTENT_TYPE})
