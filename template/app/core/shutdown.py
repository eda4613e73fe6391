"""How a process ends: it says so, then it takes nobody new, and then what is still open ends."""

import asyncio


class Shutdown:
    """What the server knows, and all who serve for long have to know."""

    def __init__(self) -> None:
        self._draining = asyncio.Event()
        self._closing = asyncio.Event()

    @property
    def draining(self) -> bool:
        """Whether the end was announced: probes say so, and others are sent elsewhere."""
        return self._draining.is_set()

    @property
    def closing(self) -> bool:
        """Whether nobody new is taken, so that a stream or a socket has to end."""
        return self._closing.is_set()

    def drain(self) -> None:
        """Announce the end. Everything is still served."""
        self._draining.set()

    def close(self) -> None:
        """Ask what would go on for ever to end."""
        self._draining.set()
        self._closing.set()

    async def wait_for_close(self) -> None:
        """Wait until a stream or a socket has to end."""
        await self._closing.wait()
