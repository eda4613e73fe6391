import logging
import re

import pytest

from app.core.observability.logging import LogSettings, configure_logging, request_id


def test_the_level_is_a_setting(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings(log_level="DEBUG"))
    logging.getLogger("some.library").debug("It drizzles")

    assert "It drizzles" in capsys.readouterr().err


def test_nobody_can_forge_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings())
    try:
        raise RuntimeError("It leaks\n2026-01-01T00:00:00Z ERROR [-] forged: It burns")
    except RuntimeError:
        logging.getLogger("some.library").exception("GET %s failed", "/a\r\n2026 forged")

    first, *others = capsys.readouterr().err.splitlines()
    assert first.endswith(r"GET /a\x0d\x0a2026 forged failed")
    assert others
    assert all(line.startswith("    ") for line in others)


def test_every_logger_names_the_request(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings())
    token = request_id.set("abc-1")
    try:
        logging.getLogger("some.library").warning("It rains")
    finally:
        request_id.reset(token)

    line = capsys.readouterr().err
    assert re.fullmatch(r"[\d-]+T[\d:.]+Z WARNING \[abc-1 -\] some.library: It rains\n", line)
