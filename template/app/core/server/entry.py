"""From the settings to a server that runs."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from socket import socket
from typing import Any, TypeVar

import uvicorn
from pydantic import ValidationError

from app.core.resource import Unusable
from app.core.server.draining import DrainingServer
from app.core.server.protocol import ServerProtocol
from app.core.server.settings import ServerSettings
from app.core.server.supervisor import Supervisor

S = TypeVar("S", bound=ServerSettings)


def serve(
    application: str,
    load_settings: Callable[[], S],
    check: Callable[[S], Coroutine[Any, Any, None]],
) -> None:
    """Serve until SIGTERM or SIGINT. What can't work is an error of one line before that."""
    try:
        settings = load_settings()
        asyncio.run(check(settings))
    except ValidationError as error:
        sys.exit(explain(error))
    except Unusable as error:
        sys.exit(f"error: {error}")
    listeners = listen(application, settings)
    work = partial(serve_on, application, settings)
    if settings.workers == 1 and not settings.worker_max_requests:
        work(listeners)
    else:
        Supervisor(work, listeners, settings.workers).run()


def listen(application: str, settings: ServerSettings) -> list[socket]:
    """Take the ports: the one for all, and the one of management if it has one."""
    ports = dict.fromkeys((settings.port, settings.management_port or settings.port))
    return [
        configure(application, settings.model_copy(update={"port": port})).bind_socket()
        for port in ports
    ]


def serve_on(application: str, settings: ServerSettings, listeners: list[socket]) -> None:
    """Serve in this process."""
    server = DrainingServer(configure(application, settings), settings.drain_seconds)
    # At a terminal, the end is no error.
    with suppress(KeyboardInterrupt):
        server.run(listeners)


def configure(application: str, settings: ServerSettings) -> uvicorn.Config:
    """Say to uvicorn what the settings say."""
    return uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        backlog=settings.backlog,
        loop="uvloop",
        http=ServerProtocol.within(settings.max_head_bytes, settings.head_timeout_seconds),
        ws="websockets-sansio",
        # Larger ones are told why by who reads them.
        ws_max_size=16 * 1024**2,
        ws_ping_interval=settings.socket_ping_seconds,
        ws_ping_timeout=settings.socket_ping_seconds,
        lifespan="on",
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=[*settings.trusted_proxies],
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.shutdown_timeout_seconds,
        limit_max_requests=settings.worker_max_requests or None,
        # So that workers which began together don't end together.
        limit_max_requests_jitter=settings.worker_max_requests // 10,
        # Half of the CPU of a small request; what is worth logging is logged by the service.
        access_log=False,
        log_config=None,
        server_header=False,
    )


def explain(error: ValidationError) -> str:
    """Name each variable that is wrong, and why; never its value, which may be a secret."""
    return "\n".join(
        f"error: {'_'.join(str(part) for part in detail['loc']).upper()}: {detail['msg']}"
        for detail in error.errors(include_input=False, include_url=False)
    )
