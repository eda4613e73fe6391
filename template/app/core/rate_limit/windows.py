"""Counts of the last moment, in the memory of a process."""

import time


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
