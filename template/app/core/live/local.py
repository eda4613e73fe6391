"""The shortest relay: from a process to itself."""

import asyncio
import secrets
from collections.abc import Sequence

from app.core.live.contract import Packed, Receiver
from app.core.live.message import BEGINNING


class LocalRelay:
    """Messages stay in the process. Their ids mean nothing to another one."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(4)
        self._count = 0
        self._arrived: asyncio.Queue[Packed] = asyncio.Queue()

    async def send(self, texts: Sequence[str]) -> None:
        """Have messages arrive."""
        for text in texts:
            self._arrived.put_nowait(self._numbered(text))

    async def follow(self, receiver: Receiver) -> None:
        """Pass on what arrives."""
        receiver.begin([self._numbered(BEGINNING)])
        while True:
            await receiver.deliver([await self._arrived.get()])

    def _numbered(self, text: str) -> Packed:
        self._count += 1
        return Packed(f"{self._process}-{self._count}", text)
