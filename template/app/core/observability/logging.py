"""One line per event on standard error, each with the id of the request that it belongs to."""

import logging
import time
from contextvars import ContextVar
from logging.config import dictConfig
from textwrap import indent
from types import TracebackType
from typing import Literal

from pydantic import BaseModel

from app.core.observability.trace_context import trace_id

# Also inside tasks that the request started: they run in a copy of its context.
request_id: ContextVar[str] = ContextVar("request_id", default="-")


class LogSettings(BaseModel):
    """How much is logged."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


# What is logged may come from a client, and must not look like a line of its own.
ESCAPED = {code: f"\\x{code:02x}" for code in (*range(32), 127, 0x85)}

ExceptionInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


class LineFormatter(logging.Formatter):
    """Time in UTC, level, request id, trace id, logger, message; a traceback below, indented."""

    converter = time.gmtime
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.request_id, record.trace_id = request_id.get(), trace_id() or "-"
        return super().formatMessage(record).translate(ESCAPED)

    def formatException(self, ei: ExceptionInfo) -> str:  # noqa: N802 - logging's name
        return indent(super().formatException(ei), "    ", lambda _: True)


def configure_logging(settings: LogSettings) -> None:
    """Send every logger, the libraries' too, through one handler."""
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": LineFormatter,
                    "fmt": "%(asctime)s %(levelname)s [%(request_id)s %(trace_id)s] %(name)s:"
                    " %(message)s",
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"level": settings.log_level, "handlers": ["stderr"]},
        }
    )
