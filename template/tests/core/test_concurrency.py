import asyncio
import os
import time

import pytest
from anyio import to_process

from app.core.concurrency import CpuSettings, limit_cpu_workers, run_cpu
from app.core.lifespan import open_state
from app.settings import Settings


async def test_it_runs_in_another_process() -> None:
    assert await run_cpu(os.getpid) != os.getpid()


async def test_the_event_loop_goes_on_meanwhile() -> None:
    await run_cpu(os.getpid)
    work = asyncio.create_task(run_cpu(time.sleep, 0.5))

    started = time.monotonic()
    await asyncio.sleep(0.01)

    assert time.monotonic() - started < 0.3
    assert not work.done()
    await work


async def test_the_lifespan_sets_the_limit(database_url: str) -> None:
    async with open_state(Settings(database_url=database_url, cpu_workers=7)):
        assert to_process.current_default_process_limiter().total_tokens == 7


async def test_an_error_comes_back() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await run_cpu(int, "x")


async def test_no_more_at_once_than_the_settings_say() -> None:
    limit_cpu_workers(CpuSettings(cpu_workers=1))

    pids = await asyncio.gather(*(run_cpu(os.getpid) for _ in range(4)))

    assert len(set(pids)) == 1


async def test_a_cancelled_call_ends_its_process() -> None:
    pid = await run_cpu(os.getpid)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await run_cpu(time.sleep, 60)

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
