import signal

import httpx2
import pytest

from tests.fixtures.server import Server


def test_it_answers_and_does_not_say_what_it_is(server: Server) -> None:
    response = httpx2.get(f"{server.url}/health").raise_for_status()

    assert "server" not in response.headers


def test_it_does_not_log_each_request(server: Server) -> None:
    httpx2.get(f"{server.url}/health").raise_for_status()

    assert "/health" not in server.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_well(server: Server, number: int) -> None:
    log = server.stop(number)

    assert "Application shutdown complete" in log
    assert "Traceback" not in log
