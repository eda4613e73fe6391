"""What a limit needs to know, and whom it asks."""

from typing import Protocol

from pydantic import BaseModel, Field


class RateLimitSettings(BaseModel):
    """How often a client may ask."""

    # In each window; 0 for as often as it likes.
    rate_limit_requests: int = Field(default=0, ge=0)
    rate_limit_window_seconds: int = Field(default=60, ge=1)
    # What tells clients apart, such as `X-API-Key`; without it, their address. Whatever stands in
    # the header is taken for a client, so something in front of the service has to check it.
    rate_limit_header: str = ""


class Counter(Protocol):
    """Counts what each client asks for."""

    async def add(self, who: str) -> float | None:
        """Count a request and give how many there were; `None`, and no count, beyond the limit."""
