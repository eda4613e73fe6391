"""What is tried again, and after which pause."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from app.core.tasks.task import Task

logger = logging.getLogger(__name__)

# A pause before a repetition is no longer.
LONGEST_PAUSE_SECONDS = 3600
# What can't be noted is tried again after so long, and so often.
NOTE_AGAIN_SECONDS = 0.5
MOST_NOTES = 120


def pause_seconds(task: Task[...], attempt: int) -> float:
    """Double with each attempt; those who failed together don't come back together."""
    longest = min(task.backoff_seconds * 2 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
    return random.uniform(longest / 2, longest)  # noqa: S311 - no secret


async def until_noted(note: Callable[[], Awaitable[None]], gives_up: Callable[[], bool]) -> None:
    """Note that a task succeeded, also while the ledger is away: else it would run again."""
    for number in range(MOST_NOTES):
        try:
            return await note()
        except Exception as error:
            if gives_up():
                raise
            if not number:
                logger.warning("That a task succeeded can't be noted yet: %r", error)
        await asyncio.sleep(NOTE_AGAIN_SECONDS)
    return await note()
