"""The tasks that nobody tries any more: `python -m app.dead_letters [replay all|ID…]`."""

import asyncio
import sys
from collections.abc import Sequence

from app.core.lifespan import open_state
from app.core.tasks.dead_letters import list_letters, replay_letters
from app.settings import Settings


async def main(arguments: Sequence[str]) -> int:
    """List them, or have some tried again."""
    async with open_state(Settings()) as state:
        ledger = state["broker"].ledger
        if not arguments:
            return await list_letters(ledger)
        if arguments[0] == "replay" and len(arguments) > 1:
            return await replay_letters(ledger, arguments[1:])
    sys.stderr.write("error: say nothing, `replay all`, or `replay` and the ids\n")
    return 2


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
