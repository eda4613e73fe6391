"""The production server: uvicorn, with the switches that matter."""

import sys
from collections.abc import Callable

import uvicorn
from pydantic import BaseModel, Field, ValidationError


class ServerSettings(BaseModel):
    """Where to listen, and how to stop."""

    host: str = "0.0.0.0"  # noqa: S104 - a container is reached from outside
    port: int = Field(default=8000, ge=1, le=65535)
    # How long requests may go on after SIGTERM. Without a limit one open stream blocks it for good.
    shutdown_timeout_seconds: int = Field(default=20, ge=0)


def serve(application: str, load_settings: Callable[[], ServerSettings]) -> None:
    """Serve until SIGTERM or SIGINT. A setting that can't be used is an error of one line."""
    try:
        settings = load_settings()
    except ValidationError as error:
        sys.exit(explain(error))
    uvicorn.run(
        application,
        host=settings.host,
        port=settings.port,
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
