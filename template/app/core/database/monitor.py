"""How long queries take: counted per request, and logged where one is slow."""

import logging
import time
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

from app.core.observability.timing import current_route, short, spend

logger = logging.getLogger(__name__)

STARTED = "query_started"


class QuerySettings(BaseModel):
    """What counts as slow."""

    # A query that takes longer is logged, without the values in it.
    database_slow_query_milliseconds: float = Field(default=200, gt=0)


class QueryMonitor:
    """The clock at every query."""

    def __init__(self, settings: QuerySettings) -> None:
        self.slow_seconds = settings.database_slow_query_milliseconds / 1000

    def watch(self, engine: Engine) -> None:
        """Time what an engine executes."""
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "after_cursor_execute", self._after)
        event.listen(engine, "handle_error", self._failed)

    def note(self, sql: str, seconds: float) -> None:
        """Count a query, and log it if it was slow."""
        spend("db", seconds, sql)
        if seconds > self.slow_seconds:
            logger.warning(
                "Slow query: %.0f ms in %s: %s", seconds * 1000, current_route(), short(sql)
            )

    # The signatures are SQLAlchemy's.
    def _before(self, connection: Connection, *_: Any) -> None:
        connection.info[STARTED] = time.perf_counter()

    def _after(self, connection: Connection, _cursor: object, sql: str, *_: Any) -> None:
        self.note(sql, time.perf_counter() - connection.info[STARTED])

    def _failed(self, context: ExceptionContext) -> None:
        if context.connection is not None and context.statement is not None:
            started = context.connection.info.get(STARTED)
            if started is not None:
                self.note(context.statement, time.perf_counter() - started)
