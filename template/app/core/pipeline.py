"""Commands that go out at once, over one connection, and answers that come back in their order.

A command through the client costs some 80 µs of CPU: a pool, locks, retries, metrics. So the
client makes the connection, with all that its URL asks for, and then a protocol that does nothing
but this takes its place.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any, NamedTuple

import hiredis
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError


class Waiting(NamedTuple):
    """Somebody who asked, and until when he waits."""

    answer: asyncio.Future[Any]
    until: float


class Pipeline(asyncio.Protocol):
    """A connection that is shared by all who ask."""

    def __init__(self, writer: asyncio.StreamWriter, timeout_seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._writer = writer
        self._timeout_seconds = timeout_seconds
        self._replies = hiredis.Reader()
        self._waiting: deque[Waiting] = deque()
        self._commands: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self.is_open = True
        writer.transport.set_protocol(self)

    async def ask(self, *command: Any) -> Any:
        """Send a command, and wait for what comes back: in time, or a `TimeoutError`."""
        if not self.is_open:
            raise ConnectionError("The connection has ended")
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append(Waiting(answer, self._loop.time() + self._timeout_seconds))
        # What is asked at the same time leaves in one piece.
        if not self._commands:
            self._loop.call_soon(self._flush)
        self._commands.append(hiredis.pack_command(command))
        if self._timer is None:
            self._timer = self._loop.call_later(self._timeout_seconds, self._look)
        return await answer

    def close(self, error: Exception | None = None) -> None:
        """End the connection. Who waits still gets an error."""
        self.is_open = False
        self._writer.transport.abort()
        if self._timer is not None:
            self._timer.cancel()
        for waiting in self._waiting:
            if not waiting.answer.done():
                waiting.answer.set_exception(error or ConnectionError("The connection has ended"))
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Give each answer to who has waited longest."""
        self._replies.feed(data)
        while (reply := self._replies.gets()) is not False:
            answer = self._waiting.popleft().answer
            if answer.done():
                continue
            if isinstance(reply, hiredis.ReplyError):
                answer.set_exception(ResponseError(str(reply)))
            else:
                answer.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave nobody waiting."""
        self.close(exc)

    def _flush(self) -> None:
        commands = b"".join(self._commands)
        self._commands.clear()
        # Who asked on one that has ended meanwhile is told by `close`.
        if not self._writer.transport.is_closing():
            self._writer.transport.write(commands)

    def _look(self) -> None:
        """Give the connection up if an answer is overdue: one timer for all who wait."""
        self._timer = None
        if not self._waiting:
            return
        left = self._waiting[0].until - self._loop.time()
        if left <= 0:
            self.close(TimeoutError("no answer in time"))
        else:
            self._timer = self._loop.call_later(left, self._look)


class Lane:
    """A pipeline that is opened when it is needed, and again when it has ended."""

    def __init__(self, client: Redis, timeout_seconds: float) -> None:
        self._client: Any = client
        self._timeout_seconds = timeout_seconds
        self._pipeline: Pipeline | None = None
        self._opening: asyncio.Task[Pipeline] | None = None

    async def ask(self, *command: Any) -> Any:
        """Send a command, and wait for what comes back."""
        pipeline = self._pipeline
        if pipeline is None or not pipeline.is_open:
            # All wait for one attempt, and hear how it went.
            if self._opening is None or self._opening.done():
                self._opening = asyncio.create_task(self._open())
                self._opening.add_done_callback(lambda done: done.cancelled() or done.exception())
            pipeline = await asyncio.shield(self._opening)
        return await pipeline.ask(*command)

    async def aclose(self) -> None:
        """End the connection, if there is one."""
        if self._opening is not None:
            with suppress(RedisError, OSError):
                (await self._opening).close()

    async def _open(self) -> Pipeline:
        connection = self._client.connection_pool.make_connection()
        await connection.connect()
        # What it reads from and writes to is ours from here on.
        writer, connection._reader, connection._writer = connection._writer, None, None
        # At once: whoever asks before those who wait hear of it must not open another one.
        self._pipeline = Pipeline(writer, self._timeout_seconds)
        return self._pipeline
