"""Not to wait, again and again, for what is away."""

import time


class Breaker:
    """After some failures without a break nobody asks for a time; then one does, for all."""

    def __init__(self, seconds: float, failures: int = 1) -> None:
        self._seconds = seconds
        self._most = failures
        self._failures = 0
        self._closed_at = 0.0

    @property
    def is_tripped(self) -> bool:
        """Tell whether it failed too often, and hasn't gone well since."""
        return self._failures >= self._most

    @property
    def seconds_left(self) -> float:
        """How long nobody is going to ask."""
        return max(0.0, self._closed_at - time.monotonic()) if self.is_tripped else 0

    def allows(self) -> bool:
        """Tell whether to ask."""
        if not self.is_tripped:
            return True
        if time.monotonic() < self._closed_at:
            return False
        # The others wait for what becomes of this one.
        self._closed_at = time.monotonic() + self._seconds
        return True

    def trip(self) -> None:
        """Note that it failed."""
        self._failures += 1
        self._closed_at = time.monotonic() + self._seconds

    def close(self) -> None:
        """Note that it went well."""
        self._failures = 0
