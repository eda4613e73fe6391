"""A ledger in Redis that is away for a time, and has forgotten everything when it is back."""

from pathlib import Path

import pytest

from app.core.errors import Unavailable
from app.core.tasks.ledger import open_ledger
from app.core.tasks.message import Message
from app.core.tasks.task import task
from app.settings import Settings
from tests.redis_server import RedisServer


@task()
async def nothing(_state: object) -> None:
    """There is none to do."""


async def test_who_asks_while_it_is_away_is_told_to_try_again(
    tmp_path: Path, settings: Settings
) -> None:
    message = Message.of(nothing())
    with RedisServer(tmp_path) as server:
        settings = settings.model_copy(update={"broker_url": server.url})
        async with open_ledger(settings) as ledger:
            assert await ledger.add(message, 0)
            server.stop()

            for ask in (ledger.add(message, 0), ledger.start(message.id), ledger.status("it")):
                with pytest.raises(Unavailable, match="Try again"):
                    await ask

            server.start()
            assert await ledger.add(message, 0)
            assert await ledger.start(message.id) is not None
