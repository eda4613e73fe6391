"""Do at once what several ask for at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Together(Generic[T, R]):
    """Gathers what is asked for while it is busy, and does that at once: a trip for many.

    Whoever comes alone waits for nobody, and does it himself. Who asks with others and is cancelled
    has asked all the same. With a pause after each trip, those that nobody waits for are fewer.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        limit: int,
        pause_seconds: float = 0,
    ) -> None:
        self._work = work
        self._limit = limit
        self._pause_seconds = pause_seconds
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._busy: asyncio.Task[None] | None = None
        self._is_led = False

    async def do(self, item: T) -> R:
        """Have it done, and give what came of it."""
        if self._busy is not None or self._is_led or self._pause_seconds:
            return await self.begin(item)
        self._is_led = True
        outcome = self.begin(item)
        try:
            # For those who ask at the same moment.
            await asyncio.sleep(0)
            if len(self._waiting) == 1:
                # A task of its own would take a tenth of the time of an INSERT.
                self._waiting.clear()
                (result,) = await self._work([item])
                return result
        finally:
            self._is_led = False
            self._start()
        return await outcome

    def begin(self, item: T) -> asyncio.Future[R]:
        """Have it done, whoever waits for that."""
        outcome: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, outcome))
        self._start()
        return outcome

    async def settle(self) -> None:
        """Wait until nothing is asked for any more."""
        while self._busy is not None:
            await asyncio.wait([self._busy])

    def _start(self) -> None:
        if self._waiting and self._busy is None and not self._is_led:
            # On behalf of no request in particular.
            self._busy = asyncio.create_task(self._do_all(), context=Context())

    async def _do_all(self) -> None:
        try:
            while self._waiting:
                some, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                await self._do_some(some)
                if self._pause_seconds and len(self._waiting) < self._limit:
                    await asyncio.sleep(self._pause_seconds)
        finally:
            self._busy = None

    async def _do_some(self, some: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._work([item for item, _ in some])
        except BaseException as error:
            for _, outcome in some:
                if not outcome.done():
                    outcome.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, outcome), result in zip(some, results, strict=True):
            if not outcome.done():
                outcome.set_result(result)
