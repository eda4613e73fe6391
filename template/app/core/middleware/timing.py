"""How long a request took, and what it spent the time on, for its client."""

from collections.abc import Iterator

from app.core.observability.timing import Timing


def timing_headers(current: Timing, seconds: float) -> Iterator[tuple[bytes, bytes]]:
    """Tell the client, in `X-Process-Time` (seconds) and `Server-Timing` (milliseconds)."""
    said = f"total;dur={seconds * 1000:.1f}"
    for name, spent in current.spent.items():
        said += f', {name};dur={spent.seconds * 1000:.1f};desc="{spent.times}"'
    yield b"x-process-time", b"%.6f" % seconds
    yield b"server-timing", said.encode()
