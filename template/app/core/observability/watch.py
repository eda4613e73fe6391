"""Looks at the process once a second: nothing that is only looked at costs a request anything."""

import asyncio
import gc
import logging
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import psutil

from app.core.observability.metrics import LAG, counter, gauge, traffic
from app.core.resource import open_resources, totals_of

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.1
TICKS = 10


class Watch:
    """Keeps the numbers of a process up to date."""

    def __init__(self) -> None:
        self.longest_lag_seconds = 0.0
        self._process = psutil.Process()
        self._seen: dict[str, float] = {}
        self._failed: set[str] = set()

    @asynccontextmanager
    async def watching(self, state: Mapping[str, object]) -> AsyncGenerator[None]:
        """Look until the block ends."""
        watching = asyncio.create_task(self._watch(state))
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait([watching])
            # What happened since is counted, too.
            self.look(state)

    def look(self, state: Mapping[str, object]) -> None:
        """Take down how everything is."""
        self._look_at_process()
        for resource in open_resources(state):
            try:
                stats = resource.stats()
            except Exception:
                if resource.name not in self._failed:
                    logger.exception("%s doesn't say how it is", resource.name)
                self._failed.add(resource.name)
                continue
            totals = totals_of(resource)
            for stat, value in stats.items():
                name = f"{resource.name}_{stat}"
                if stat in totals:
                    self._grow(name, value)
                else:
                    gauge(name).set(value)

    async def _watch(self, state: Mapping[str, object]) -> None:
        while True:
            self.look(state)
            longest = 0.0
            for _ in range(TICKS):
                asked = time.perf_counter()
                await asyncio.sleep(TICK_SECONDS)
                lag = max(time.perf_counter() - asked - TICK_SECONDS, 0)
                LAG.observe(lag)
                longest = max(longest, lag)
            self.longest_lag_seconds = longest

    def _look_at_process(self) -> None:
        gauge("http_requests_in_flight").set(traffic.in_flight)
        gauge("event_loop_lag_longest_seconds").set(self.longest_lag_seconds)
        with self._process.oneshot():
            times = self._process.cpu_times()
            gauge("process_resident_memory_bytes").set(self._process.memory_info().rss)
            gauge("process_threads").set(self._process.num_threads())
            self._grow("process_cpu_seconds", times.user + times.system)
        gauge("process_open_fds").set(self._process.num_fds())
        for generation, numbers in enumerate(gc.get_stats()):
            self._grow(f"python_gc_collections_{generation}", numbers["collections"])

    def _grow(self, name: str, value: float) -> None:
        """Count what came since it was looked at; another process goes on where this one ends."""
        counter(name).inc(max(value - self._seen.get(name, 0), 0))
        self._seen[name] = value
