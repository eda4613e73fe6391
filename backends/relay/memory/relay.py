"""Messages stay in the process: the service has nothing that could carry them to others."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from multiprocessing import parent_process

from app.core.live.contract import Relay
from app.core.live.local import LocalRelay
from app.core.live.settings import HubSettings
from app.core.observability.identity import IdentitySettings

logger = logging.getLogger(__name__)


class LiveSettings(HubSettings, IdentitySettings):
    """What there is to say of live messages."""


@asynccontextmanager
async def open_relay(settings: LiveSettings) -> AsyncGenerator[Relay]:
    """Make the relay, and say what it doesn't do: once, and not in every process."""
    if settings.workers > 1 and parent_process() is None:
        logger.warning(
            "What one of %d processes publishes reaches those alone who listen to the same process",
            settings.workers,
        )
    yield LocalRelay()
