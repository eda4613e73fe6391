import asyncio
import os
import threading
import time

import httpx2
import psutil
import pytest
from anyio import to_process, to_thread
from fastapi import FastAPI

from app.core.concurrency import CpuSettings, open_cpu_pool, run_cpu
from app.core.errors import GatewayTimeout, Unavailable
from app.core.lifespan import open_state
from app.settings import Settings
from tests.fixtures.time_left import within


async def test_it_runs_in_another_process() -> None:
    assert await run_cpu(os.getpid) != os.getpid()


async def test_the_event_loop_goes_on_meanwhile() -> None:
    await run_cpu(os.getpid)
    work = asyncio.create_task(run_cpu(time.sleep, 1))

    started = time.monotonic()
    await asyncio.sleep(0.01)

    assert time.monotonic() - started < 0.6
    assert not work.done()
    await work


async def test_the_lifespan_sets_the_limits(settings: Settings) -> None:
    changed = settings.model_copy(update={"cpu_workers": 7, "sync_threads": 3})
    async with open_state(changed) as state:
        assert to_process.current_default_process_limiter().total_tokens == 7
        assert state["cpu"].stats() == {"workers": 7, "running": 0, "waiting": 0}
        assert to_thread.current_default_thread_limiter().total_tokens == 3


async def test_an_error_comes_back() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await run_cpu(int, "x")


async def test_no_more_at_once_than_the_settings_say() -> None:
    async with open_cpu_pool(CpuSettings(cpu_workers=1)):
        pids = await asyncio.gather(*(run_cpu(os.getpid) for _ in range(4)))

    assert len(set(pids)) == 1


async def test_the_queue_is_counted() -> None:
    async with open_cpu_pool(CpuSettings(cpu_workers=1)) as cpu:
        calls = [asyncio.create_task(run_cpu(time.sleep, 0.2)) for _ in range(3)]
        await asyncio.sleep(0.05)

        assert cpu.stats() == {"workers": 1, "running": 1, "waiting": 2}
        await asyncio.gather(*calls)
        assert cpu.stats() == {"workers": 1, "running": 0, "waiting": 0}


async def test_a_cancelled_call_ends_its_process() -> None:
    pid = await run_cpu(os.getpid)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await run_cpu(time.sleep, 60)

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_call_takes_no_longer_than_its_request_may() -> None:
    pid = await run_cpu(os.getpid)
    async with asyncio.timeout(20):
        with within(0.2), pytest.raises(GatewayTimeout):
            await run_cpu(time.sleep, 60)

    assert not psutil.pid_exists(pid)


async def test_the_end_of_the_service_ends_its_calls() -> None:
    async with open_cpu_pool(CpuSettings(cpu_workers=1)):
        pid = await run_cpu(os.getpid)
        calls = [asyncio.create_task(run_cpu(time.sleep, 60)) for _ in range(3)]
        await asyncio.sleep(0.1)

    async with asyncio.timeout(20):
        ended = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(error) for error in ended] == [Unavailable] * 3
    assert not psutil.pid_exists(pid)


async def test_handlers_in_threads_are_bounded(app: FastAPI, client: httpx2.AsyncClient) -> None:
    running, most, lock = 0, 0, threading.Lock()

    @app.get("/test/sync")
    def sync() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1

    await asyncio.gather(*(client.get("/test/sync") for _ in range(12)))

    assert most == to_thread.current_default_thread_limiter().total_tokens


@pytest.fixture
def sync_threads() -> int:
    return 3
