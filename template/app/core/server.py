"""The production server: uvicorn, with the switches that matter."""

import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import uvicorn
from pydantic import Field, ValidationError
from uvicorn.importer import import_from_string

from app.core.observability.identity import IdentitySettings
from app.core.resource import Unusable


class ServerSettings(IdentitySettings):
    """Where to listen, and how to stop."""

    host: str = "0.0.0.0"  # noqa: S104 - a container is reached from outside
    port: int = Field(default=8000, ge=1, le=65535)
    # How long requests may go on after SIGTERM. Without a limit one open stream blocks it for good.
    shutdown_timeout_seconds: int = Field(default=20, ge=0)


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
    # What was imported is there for good. A full round of the garbage collector through it takes
    # some 40 ms, in which nobody is answered. (Several workers import it each for itself.)
    if settings.workers == 1:
        import_from_string(application)
        gc.collect()
        gc.freeze()
    uvicorn.run(
        application,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        timeout_graceful_shutdown=settings.shutdown_timeout_seconds,
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
