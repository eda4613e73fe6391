"""What is peculiar to messages that stay in the process."""

import logging

import pytest

from app.core.live.relay import LiveSettings, open_relay
from app.settings import Settings
from tests.fixtures.server import serving, variables_of


@pytest.mark.parametrize(("workers", "warnings"), [(1, 0), (2, 1)])
async def test_several_processes_are_told_that_they_are_alone(
    workers: int, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)

    async with open_relay(LiveSettings(workers=workers)):
        pass

    assert len(caplog.records) == warnings


@pytest.mark.slow
def test_they_are_told_once_by_all_together(settings: Settings) -> None:
    with serving(**variables_of(settings), WORKERS="2") as server:
        log = server.stop()

    assert log.count("reaches those alone who listen to the same process") == 1
