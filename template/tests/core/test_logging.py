import json
import logging
import os
import re
import threading
import time
from io import StringIO
from threading import Event
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from app.core.observability.log_writer import MOST_LINES, PAUSE_SECONDS, LineWriter
from app.core.observability.logging import (
    LogSettings,
    configure_logging,
    request_id,
    write_what_is_left,
)
from app.settings import Settings


def logged(stream: StringIO) -> str:
    """Give what was written, once all of it is."""
    write_what_is_left()
    return stream.getvalue()


def events(stream: StringIO) -> list[dict[str, Any]]:
    """Give it as whoever collects it reads it."""
    return [json.loads(line) for line in logged(stream).splitlines()]


def start(**settings: object) -> StringIO:
    """Begin to log into memory."""
    stream = StringIO()
    configure_logging(LogSettings.model_validate(settings), stream)
    return stream


def test_levels_are_settings() -> None:
    stream = start(log_level="WARNING", log_levels={"some": "DEBUG", "some.loud": "ERROR"})
    logging.getLogger("some.library").debug("It drizzles")
    logging.getLogger("some.loud.part").warning("It rains")
    logging.getLogger("another").info("It snows")

    assert [event["message"] for event in events(stream)] == ["It drizzles"]
    configure_logging(LogSettings(log_levels={"some": "WARNING", "some.loud": "WARNING"}))


def test_nobody_can_forge_a_line() -> None:
    stream = start(log_format="text")
    try:
        raise RuntimeError("It leaks\n2026-01-01T00:00:00Z ERROR [-] forged: It burns")
    except RuntimeError:
        logging.getLogger("some.library").exception("GET %s failed", "/a\r\n2026 forged")

    first, *others = logged(stream).splitlines()
    assert first.endswith(r"GET /a\x0d\x0a2026 forged failed")
    assert others
    assert all(line.startswith("    ") for line in others)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_every_logger_names_the_request(log_format: str) -> None:
    stream = start(log_format=log_format)
    token = request_id.set("abc-1")
    try:
        logging.getLogger("some.library").warning("It rains", extra={"litres": 3})
    finally:
        request_id.reset(token)

    if log_format == "text":
        expected = r"[\d-]+T[\d:.]+Z WARNING \[abc-1\] some.library: It rains\n"
        assert re.fullmatch(expected, logged(stream))
    else:
        (event,) = events(stream)
        assert re.fullmatch(r"[\d-]+T[\d:.]+\+00:00", event.pop("time"))
        assert event == {
            "level": "WARNING",
            "logger": "some.library",
            "message": "It rains",
            "request_id": "abc-1",
            "litres": 3,
        }


def test_an_exception_is_part_of_its_event() -> None:
    stream = start()
    try:
        raise RuntimeError("It leaks")
    except RuntimeError:
        logging.getLogger("some.library").exception("It failed")

    (event,) = events(stream)
    assert event["exception"].endswith("RuntimeError: It leaks")


def test_text_is_for_terminals() -> None:
    ours, terminal = os.openpty()
    with os.fdopen(ours, "rb") as screen, os.fdopen(terminal, "w") as stream:
        configure_logging(LogSettings(), stream)
        logging.getLogger("some.library").warning("It rains")
        write_what_is_left()
        assert b"Z WARNING [-] some.library: It rains" in screen.read1(1000)
        configure_logging(LogSettings())


class SlowStream(StringIO):
    """A terminal that somebody has stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = Event()

    def write(self, text: str) -> int:
        if not self.goes_on.wait(10):
            raise TimeoutError
        return super().write(text)


def test_nobody_waits_for_a_terminal() -> None:
    stream = SlowStream()
    writer = LineWriter(stream)
    record = logging.makeLogRecord({"msg": "It rains", "levelno": logging.INFO})
    writer.handle(record)
    began = time.monotonic()
    for _ in range(MOST_LINES + 2000):
        writer.handle(record)
    assert time.monotonic() - began < 5

    stream.goes_on.set()
    writer.flush()
    writer.handle(record)
    writer.close()
    lines = stream.getvalue().splitlines()
    assert MOST_LINES <= len(lines) < MOST_LINES + 2000
    assert re.match(r"\d+ lines were lost", lines[-2])


def test_who_is_replaced_ends_its_thread() -> None:
    before = threading.active_count()
    for _ in range(5):
        logging.getLogger("weather").info("It rains")
        start()

    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.005)
    assert threading.active_count() <= before


class CountingStream(StringIO):
    """Knows how often it was written to."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


def test_lines_wait_for_others_unless_they_warn() -> None:
    stream = CountingStream()
    configure_logging(LogSettings(), stream)
    logger = logging.getLogger("weather")
    for _ in range(20):
        logger.info("It rains")
        time.sleep(0.005)
    assert stream.writes == 0

    logger.warning("It floods")
    deadline = time.monotonic() + PAUSE_SECONDS / 2
    while "It floods" not in stream.getvalue():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert (stream.writes, len(stream.getvalue().splitlines())) == (1, 21)


# Others have lines of their own.
QUIET = {"httpx2": "WARNING"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    rates = {"GET /test/hot": 0.0, "GET /test/broken": 0.0}
    return settings.model_copy(update={"request_log_rates": rates, "log_format": "json"})


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    @app.get("/test/things/{number}")
    async def thing(number: int) -> int:
        return number

    @app.get("/test/broken")
    async def broken() -> None:
        raise ZeroDivisionError

    @app.get("/test/hot")
    async def hot() -> None:
        return

    return app


async def test_a_request_is_a_line(client: httpx2.AsyncClient) -> None:
    stream = start(log_levels=QUIET)
    answer = await client.get("/test/things/1?token=abc", headers={"X-Request-ID": "abc-1"})
    answer.raise_for_status()

    (event,) = events(stream)
    assert event.pop("duration_ms") >= 0
    assert re.fullmatch(r"GET /test/things/\{number\}: 200 in [\d.]+ ms", event["message"])
    assert {name: event[name] for name in ("request_id", "method", "route", "path", "status")} == {
        "request_id": "abc-1",
        "method": "GET",
        "route": "/test/things/{number}",
        "path": "/test/things/1",
        "status": 200,
    }


async def test_hot_routes_and_probes_are_not_logged(client: httpx2.AsyncClient) -> None:
    stream = start(log_levels=QUIET)
    for path in ("/test/hot", "/health", "/ready", "/metrics"):
        (await client.get(path)).raise_for_status()

    assert not [event for event in events(stream) if "status" in event]


async def test_what_failed_is_logged_in_any_case(client: httpx2.AsyncClient) -> None:
    stream = start(log_levels=QUIET)
    assert (await client.get("/test/broken")).status_code == 500

    failed, request = events(stream)
    assert "ZeroDivisionError" in failed["exception"]
    assert request["status"] == 500
    assert failed["request_id"] == request["request_id"] != "-"
