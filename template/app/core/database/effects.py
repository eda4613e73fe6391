"""What follows from a transaction, once it is sure."""

import logging
from collections.abc import Awaitable, Callable, Iterable

logger = logging.getLogger(__name__)

Effect = Callable[[], Awaitable[object]]


async def run_effects(effects: Iterable[Effect]) -> None:
    """Run all of them. The data is stored: if one fails, the log says what is missing."""
    for effect in effects:
        try:
            await effect()
        except Exception:
            logger.exception("An effect failed after its commit")
