"""Which pages of other origins may ask the service."""

from pydantic import BaseModel
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from app.core.deadline import HEADER


class CorsSettings(BaseModel):
    """Whom a browser lets ask."""

    # Such as `https://example.org`; `*` for any.
    cors_origins: list[str] = []
    # May they come with cookies? Not together with `*`.
    cors_credentials: bool = False


def allow_origins(app: ASGIApp, settings: CorsSettings) -> ASGIApp:
    """Let pages of these origins read answers, and what is in their headers."""
    return CORSMiddleware(
        app,
        allow_origins=settings.cors_origins,
        allow_credentials=settings.cors_credentials,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["ETag", "Location", "Retry-After", "Server-Timing", HEADER, "X-Request-ID"],
    )
