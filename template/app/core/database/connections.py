"""Connections to a server: how many, how long they last, and who else can read them."""

import re
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError


class Profile(NamedTuple):
    """A pool for an amount of traffic."""

    size: int
    timeout_seconds: float


# A process keeps five to ten connections busy. More help writes that wait for the disk; and
# under much traffic it is better to say no early than to let everybody wait.
PROFILES = {
    "standard": Profile(size=10, timeout_seconds=5),
    "high-traffic": Profile(size=20, timeout_seconds=2),
}


def of_profile(settings: dict[str, Any]) -> Profile:
    """Find the profile that was chosen."""
    return PROFILES.get(settings.get("database_pool_profile", ""), PROFILES["standard"])


class ConnectionSettings(BaseModel):
    """The pool of each process, and the way to the server."""

    # `standard` or `high-traffic`: the defaults of the size, and of the time to wait.
    database_pool_profile: Literal["standard", "high-traffic"] = "standard"
    # Connections per process.
    database_pool_size: int = Field(
        default_factory=lambda settings: of_profile(settings).size, ge=1
    )
    # More than that under load. Each costs a new connection, so it is slower than to wait.
    database_pool_max_overflow: int = Field(default=0, ge=0)
    # For a connection of the pool.
    database_pool_timeout_seconds: float = Field(
        default_factory=lambda settings: of_profile(settings).timeout_seconds, gt=0
    )
    # A connection that is older is replaced: servers and firewalls change, and memory grows.
    database_pool_recycle_seconds: int = Field(default=1800, gt=0)
    # For the server to answer at all.
    database_connect_timeout_seconds: float = Field(default=3, gt=0)
    # `off`; `required`: encrypted; `verified`: and the server is who it says it is.
    database_tls: Literal["off", "required", "verified"] = "off"
    # Of an authority that the system doesn't know.
    database_tls_ca_file: Path | None = None


def as_url(driver: str, other_scheme: str, port: int, url: str) -> str:
    """Take a URL as providers hand it out, and name the driver in it."""
    scheme, name = driver.split("+")
    named = re.sub(rf"^({scheme}|{other_scheme})(\+{name})?://", f"{driver}://", url)
    with suppress(ArgumentError):
        parsed = make_url(named)
        if parsed.drivername == driver and parsed.database:
            return named
    raise ValueError(f"should look like {scheme}://user:password@host:{port}/name")


def engine_options(settings: ConnectionSettings) -> dict[str, Any]:
    """Say it as SQLAlchemy wants it."""
    return {
        "pool_size": settings.database_pool_size,
        "max_overflow": settings.database_pool_max_overflow,
        "pool_timeout": settings.database_pool_timeout_seconds,
        "pool_recycle": settings.database_pool_recycle_seconds,
        # Errors are logged, and values may be personal.
        "hide_parameters": True,
    }


def tls_context(settings: ConnectionSettings) -> ssl.SSLContext | None:
    """Make what drivers take for TLS."""
    if settings.database_tls == "off":
        return None
    context = ssl.create_default_context(cafile=settings.database_tls_ca_file)
    if settings.database_tls == "required":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
