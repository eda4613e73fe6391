"""A server that ends without a request that gets no answer."""

import asyncio
import gc
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from socket import socket
from typing import cast

import uvicorn
from uvicorn.server import ServerState

from app.core.observability.logging import write_what_is_left
from app.core.server.newcomers import accept_all, drop_newcomers
from app.core.shutdown import Shutdown

TICK_SECONDS = 0.1
# How long a client that keeps its connection has to send one last request over it.
GOODBYE_SECONDS = 0.5


class EndingState(ServerState):
    """What connections know of their server."""

    # From here on an answer tells its client to ask over another connection.
    is_ending = False


class DrainingServer(uvicorn.Server):
    """After SIGTERM, in this order: say so, go on for a while, take nobody new, finish, close.

    A load balancer needs some seconds to hear from the probe that no more requests should come.
    Until then they come, and are answered.
    """

    def __init__(self, config: uvicorn.Config, drain_seconds: float) -> None:
        super().__init__(config)
        self._state = EndingState()
        self.server_state = cast("ServerState", self._state)
        self._drain_seconds = drain_seconds

    @property
    def announced(self) -> Shutdown:
        """What the lifespan opened for it."""
        return cast("Shutdown", self.lifespan.state["shutdown"])

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """End by the signal that came, once the last line of the log is written."""
        with super().capture_signals():
            try:
                yield
            finally:
                write_what_is_left()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Open the resources and listen."""
        # What was imported is there for good. A full round of the garbage collector through it
        # takes some 40 ms, in which nobody is answered.
        gc.collect()
        gc.freeze()
        await super().startup(sockets)

    async def main_loop(self) -> None:
        """Serve; and go on for a while when it was told to end, but not for who sits and waits."""
        await super().main_loop()
        if not self.should_exit:
            # It ends alone, after so many requests. The others listen.
            return
        self._state.is_ending = True
        self.announced.drain()
        if signal.SIGINT not in self._captured_signals:
            for tick in range(int(self._drain_seconds / TICK_SECONDS)):
                if self.force_exit:
                    break
                await self.on_tick(tick)
                await asyncio.sleep(TICK_SECONDS)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Take nobody new, and let everybody finish."""
        self._state.is_ending = True
        await self.stop_listening(sockets or [])
        self.announced.close()
        for _ in range(int(GOODBYE_SECONDS / TICK_SECONDS)):
            if not self._state.connections or self.force_exit:
                break
            await asyncio.sleep(TICK_SECONDS)
        await super().shutdown(sockets)

    async def stop_listening(self, sockets: list[socket]) -> None:
        """Close the listeners, and serve whom they had let in."""
        if self.should_exit:
            # Otherwise the other workers go on accepting.
            for listener in sockets:
                with suppress(OSError):
                    drop_newcomers(listener)
            await asyncio.sleep(TICK_SECONDS)
        copies = [listener.dup() for listener in sockets]
        for server in self.servers:
            server.close()
        # The event loop lets go of them in its next round.
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        for listener, copy in zip(sockets, copies, strict=True):
            listener.close()
            accepted = accept_all(copy)
            copy.close()
            for connection in accepted:
                await loop.connect_accepted_socket(self.create_protocol, connection)

    def create_protocol(self) -> asyncio.Protocol:
        """Make what speaks to a client."""
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(self.config, self.server_state, self.lifespan.state)
