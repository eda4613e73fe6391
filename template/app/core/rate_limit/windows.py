"""Counts of the last moment, in the memory of a process."""

import time

from pydantic import BaseModel, Field


class RateLimitSettings(BaseModel):
    """How often a client may ask."""

    # In each window; 0 for as often as it likes.
    rate_limit_requests: int = Field(default=0, ge=0)
    rate_limit_window_seconds: int = Field(default=60, ge=1)
    # What tells clients apart, such as `X-API-Key`; without it, their address. Whatever stands in
    # the header is taken for a client, so something in front of the service has to check it.
    rate_limit_header: str = ""


class Windows:
    """Counts of this window and of the one before, weighted by how much of it is still recent.

    That is nearly a window that slides, and holds two numbers for a client instead of each of
    its requests.
    """

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self._number = 0
        self._before: dict[str, int] = {}
        self._now: dict[str, int] = {}

    def add(self, who: str, limit: int) -> float | None:
        """Count a request and give how many there were; `None`, and no count, beyond the limit."""
        number, share = window_of(self.seconds)
        if number != self._number:
            self._before = self._now if number == self._number + 1 else {}
            self._number = number
            self._now = {}
        count = self._now.get(who, 0) + 1
        used = count + self._before.get(who, 0) * (1 - share)
        if used > limit:
            return None
        self._now[who] = count
        return used


def window_of(seconds: int) -> tuple[int, float]:
    """Number the current window, and tell how much of it is over: all processes agree on it."""
    number, since = divmod(time.time(), seconds)
    return int(number), since / seconds
