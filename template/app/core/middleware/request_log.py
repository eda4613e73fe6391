"""A line for each request: what was asked, what came of it, and what it waited for."""

import logging
import random
from http import HTTPStatus

from pydantic import BaseModel, Field

from app.core.observability.health import PROBES
from app.core.observability.lines import QuickRecord
from app.core.observability.timing import Timing

logger = logging.getLogger(__name__)

# As in the log of nginx: the client left before there was an answer.
CLIENT_LEFT = 499

# What the records of this module have in common.
ALIKE = {
    level: logging.LogRecord(__name__, level, __file__, 0, "", (), None)
    for level in (logging.INFO, logging.WARNING)
}


class RequestLogSettings(BaseModel):
    """Which requests are logged. Those that are slow or failed are, in any case."""

    # A request whose answer takes longer to begin is slow.
    slow_request_seconds: float = Field(default=1, gt=0)
    # How much of the others: 1 for all, 0.01 for one of a hundred, 0 for none.
    request_log_rate: float = Field(default=1, ge=0, le=1)
    # Of some routes, by their names: `{"GET /posts/{post_id}": 0.01}`.
    request_log_rates: dict[str, float] = {}


class RequestLog:
    """Writes the lines."""

    def __init__(self, settings: RequestLogSettings) -> None:
        self._slow_seconds = settings.slow_request_seconds
        self._rate = settings.request_log_rate
        self._rates = {
            **{f"GET {path}": 0.0 for path in (*PROBES, "/metrics")},
            **settings.request_log_rates,
        }

    def note(self, current: Timing, status: int, seconds: float) -> None:
        """Log a request, if it is one of those that are logged."""
        route = current.route
        is_slow = seconds > self._slow_seconds
        if is_slow:
            level = logging.WARNING
        else:
            level = logging.INFO
            if status < HTTPStatus.INTERNAL_SERVER_ERROR:
                rate = self._rates.get(route, self._rate)
                if rate < 1 and random.random() >= rate:  # noqa: S311 - no secret
                    return
        if not logger.isEnabledFor(level):
            return
        milliseconds = seconds * 1000
        path: str = current.scope["path"][:200]
        fields: dict[str, object] = {
            "method": current.scope["method"],
            "route": current.path,
            "path": path,
            "status": status,
            "duration_ms": round(milliseconds, 2),
        }
        for name, spent in current.spent.items():
            fields[f"{name}_times"] = spent.times
            fields[f"{name}_ms"] = round(spent.seconds * 1000, 2)
        outside = path
        if is_slow:
            message = f"Slow request: {route} took {seconds:.2f} s ({current})"
            outside += message
        else:
            message = f"{route}: {status} in {milliseconds:.1f} ms"
        # `logger.info` would look for the line of code that calls it, which is always this one.
        logger.handle(QuickRecord(ALIKE[level], message, outside, fields))
