import signal

import httpx2
import psutil
import pytest

from app.settings import Settings
from tests.fixtures.server import Server, serving, variables_of


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


def test_several_workers_serve(settings: Settings) -> None:
    with serving(**{**variables_of(settings), "WORKERS": "2"}) as server:
        children = psutil.Process(server.process.pid).children()
        assert len([child for child in children if "spawn_main" in " ".join(child.cmdline())]) == 2
        assert httpx2.get(f"{server.url}/health").is_success
        assert "Traceback" not in server.stop()
