"""One line per event on standard error, each with the id of the request that it belongs to."""

import logging
import sys
from logging.config import dictConfig
from typing import Literal, TextIO

from pydantic import BaseModel

from app.core.observability.lines import JsonFormatter, TextFormatter
from app.core.observability.log_writer import LineWriter
from app.core.observability.redaction import Redaction
from app.core.observability.request_id import request_id as request_id

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class LogSettings(BaseModel):
    """How much is logged, and how."""

    log_level: Level = "INFO"
    # Of one logger and those below it: `{"app.core.http_client": "DEBUG"}`.
    log_levels: dict[str, Level] = {}
    # `auto` is text at a terminal, and JSON elsewhere.
    log_format: Literal["auto", "text", "json"] = "auto"
    # Further names, or parts of names, whose values are secret.
    log_secrets: tuple[str, ...] = ()


def write_what_is_left() -> None:
    """Wait until everything that was logged is written: the process may end by a signal."""
    for handler in logging.getLogger().handlers:
        handler.flush()


def configure_logging(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send every logger, the libraries' too, through one handler."""
    stream = stream or sys.stderr
    is_text = settings.log_format == "text" or (settings.log_format == "auto" and stream.isatty())
    formatter = TextFormatter if is_text else JsonFormatter
    # No line says these, and finding them out takes as long as half of the rest.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": formatter, "redaction": Redaction(settings.log_secrets)}},
            "handlers": {"stderr": {"()": LineWriter, "stream": stream, "formatter": "line"}},
            "loggers": {name: {"level": level} for name, level in settings.log_levels.items()},
            "root": {"level": settings.log_level, "handlers": ["stderr"]},
        }
    )
