"""Errors, told to Sentry: whatever is logged as one, and nothing that a client sent.

That is what nobody caught, each failed attempt of a task, its death, and every `logger.error`. The
integrations that Sentry begins with see the same, cost three times a small route, and take headers
and the values of variables along.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

import sentry_sdk
from pydantic import AfterValidator, Field
from sentry_sdk.integrations.logging import EventHandler
from sentry_sdk.types import Event, Hint
from sentry_sdk.utils import BadDsn, Dsn

from app.core.observability.identity import IdentitySettings
from app.core.observability.logging import LogSettings
from app.core.observability.redaction import Redaction
from app.core.observability.request_id import request_id
from app.core.observability.timing import current_route
from app.core.observability.trace_context import trace_id

# At the end, for what wasn't sent yet.
FLUSH_SECONDS = 2


def check_dsn(text: str) -> str:
    """Raise a `ValueError` that shows how a DSN looks."""
    if text:
        try:
            Dsn(text)
        except BadDsn as error:
            raise ValueError("should look like https://key@sentry.example.org/1") from error
    return text


class ReportSettings(LogSettings, IdentitySettings):
    """Who is told of errors, and of how many."""

    # Without it, nobody. It holds a key: never log it.
    sentry_dsn: Annotated[str, AfterValidator(check_dsn)] = Field(default="", repr=False)
    # The share that is told.
    sentry_sample_rate: float = Field(default=1.0, ge=0, le=1)


class ReportHandler(EventHandler):
    """Tells Sentry of records. A thread sends them, which the first one starts."""

    def format(self, record: logging.LogRecord) -> str:
        """Leave the record alone: what is formatted stays in it, for whoever is next."""
        return record.msg


def complete(redaction: Redaction, event: Event, _hint: Hint) -> Event:
    """Say where it happened, and leave out what only the log may know.

    Values are said below the first line of an error, if anywhere: what didn't validate, or which
    key there was twice.
    """

    def short(said: object) -> str:
        return redaction.text(f"{said}".partition("\n")[0])

    event.pop("extra", None)
    for error in event.get("exception", {}).get("values", ()):
        error["value"] = short(error.get("value"))
    if entry := event.get("logentry"):
        event["logentry"] = {"message": entry["message"], "formatted": short(entry["formatted"])}
    if (request := request_id.get()) != "-":
        event.setdefault("tags", {})["request_id"] = request
    if (route := current_route()) != "-":
        event["transaction"] = route
    if trace := trace_id():
        event.setdefault("contexts", {}).setdefault("trace", {})["trace_id"] = trace
    return event


@asynccontextmanager
async def open_reports(settings: ReportSettings) -> AsyncGenerator[None]:
    """Report errors until the block ends, if there is anybody to report them to."""
    if not settings.sentry_dsn:
        yield
        return
    sentry_sdk.init(
        dsn=settings.sentry_dsn,
        release=f"{settings.service_name}@{settings.service_version}",
        environment=settings.environment,
        sample_rate=settings.sentry_sample_rate,
        default_integrations=False,
        auto_enabling_integrations=False,
        auto_session_tracking=False,
        enable_backpressure_handling=False,
        include_local_variables=False,
        max_breadcrumbs=0,
        max_request_body_size="never",
        in_app_include=["app"],
        before_send=partial(complete, Redaction(settings.log_secrets)),
    )
    # It would log each attempt to reach a Sentry that is away.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    handler = ReportHandler(level=logging.ERROR)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        await asyncio.to_thread(sentry_sdk.get_client().close, FLUSH_SECONDS)
