"""How an event becomes a line: for eyes at a terminal, or as JSON for what collects logs."""

import logging
import time
from datetime import UTC, datetime
from functools import lru_cache
from textwrap import indent
from types import TracebackType

from pydantic_core import to_json

from app.core.observability.redaction import Redaction
from app.core.observability.request_id import request_id
from app.core.observability.trace_context import trace_id

# What is logged may come from a client, and must not look like a line of its own.
ESCAPED = {code: f"\\x{code:02x}" for code in (*range(32), 127, 0x85)}

# What every event has, and what uvicorn repeats in colours; whatever else is there is `extra`.
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "request_id",
    "color_message",
}

ExceptionInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


class QuickRecord(logging.LogRecord):
    """A record that is made and written in half the time: most of it is as in another one.

    Only `outside`, which is part of it, may hold a secret.
    """

    # Not in `vars(record)`, so that other handlers see what they see of every record.
    __slots__ = ("fields", "outside")

    def __init__(
        self, like: logging.LogRecord, message: str, outside: str, fields: dict[str, object]
    ) -> None:
        self.__dict__ = vars(like) | fields
        self.msg = message
        self.outside = outside
        self.created = time.time()
        self.msecs = self.created % 1 * 1000
        self.fields = fields


class TextFormatter(logging.Formatter):
    """Time in UTC, level, request and trace, logger, message; a traceback below, indented."""

    converter = time.gmtime
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self, redaction: Redaction) -> None:
        super().__init__("%(asctime)s %(levelname)s [%(request_id)s] %(name)s: %(message)s")
        self._redaction = redaction

    def format(self, record: logging.LogRecord) -> str:
        """Write an event as a line, and the traceback as further ones."""
        return self._redaction.text(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.request_id = " ".join(filter(None, (request_id.get(), trace_id())))
        return super().formatMessage(record).translate(ESCAPED)

    def formatException(self, ei: ExceptionInfo) -> str:  # noqa: N802 - logging's name
        return indent(super().formatException(ei), "    ", lambda _: True)


class JsonFormatter(logging.Formatter):
    """The same as an object, with what the event was given as `extra`."""

    def __init__(self, redaction: Redaction) -> None:
        super().__init__()
        self._redaction = redaction

    def format(self, record: logging.LogRecord) -> str:
        """Write an event as a line."""
        event: dict[str, object] = {
            "time": f"{to_the_second(int(record.created))}.{int(record.msecs):03d}+00:00",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
        }
        if trace := trace_id():
            event["trace_id"] = trace
        if isinstance(record, QuickRecord):
            event |= record.fields
            line, suspect = as_json(event), record.outside
        else:
            event |= {name: one for name, one in vars(record).items() if name not in STANDARD}
            if record.exc_info:
                event["exception"] = self.formatException(record.exc_info)
            line = suspect = as_json(event)
        if self._redaction.concerns(suspect):
            return as_json(self._redaction.value("", event))
        return line


@lru_cache(2)
def to_the_second(timestamp: int) -> str:
    """Write a time. Many events share one."""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def as_json(value: object) -> str:
    """Write a value of any kind as JSON."""
    return to_json(value, fallback=str, inf_nan_mode="strings").decode()
