"""How long a request took, and what it spent the time on."""

import logging
from collections.abc import Iterator

from pydantic import BaseModel, Field

from app.core.observability.timing import Timing

logger = logging.getLogger(__name__)


class TimingSettings(BaseModel):
    """What counts as slow."""

    # A request whose answer takes longer to begin is logged.
    slow_request_seconds: float = Field(default=1, gt=0)


def timing_headers(current: Timing, seconds: float) -> Iterator[tuple[bytes, bytes]]:
    """Tell the client, in `X-Process-Time` (seconds) and `Server-Timing` (milliseconds)."""
    said = f"total;dur={seconds * 1000:.1f}"
    for name, spent in current.spent.items():
        said += f', {name};dur={spent.seconds * 1000:.1f};desc="{spent.times}"'
    yield b"x-process-time", b"%.6f" % seconds
    yield b"server-timing", said.encode()


def log_if_slow(current: Timing, seconds: float, slow_seconds: float) -> None:
    """Name the route that was slow, and what it waited for."""
    if seconds > slow_seconds:
        logger.warning("Slow request: %s took %.2f s (%s)", current.route, seconds, current)
