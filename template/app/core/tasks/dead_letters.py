"""Looks at the tasks that nobody tries any more, for a person at a terminal."""

import sys
from collections.abc import Sequence

from app.core.tasks.contract import Ledger

# So many are listed, and replayed at once.
LIMIT = 1000


async def list_letters(ledger: Ledger) -> int:
    """Write a line for each, the latest first."""
    for letter in await ledger.dead_letters(LIMIT):
        when = "" if letter.finished_at is None else f"{letter.finished_at:%Y-%m-%d %H:%M:%S}"
        error = letter.error.replace("\n", " ")
        sys.stdout.write(f"{letter.id}  {when}  {letter.name}, after {letter.attempts}: {error}\n")
    return 0


async def replay_letters(ledger: Ledger, ids: Sequence[str]) -> int:
    """Have some tried again, or all; 1 if there is no such one."""
    if list(ids) == ["all"]:
        ids = [letter.id for letter in await ledger.dead_letters(LIMIT)]
    status = 0
    for task_id in ids:
        if await ledger.replay(task_id):
            sys.stdout.write(f"{task_id} is tried again\n")
        else:
            sys.stderr.write(f"error: there is no dead letter {task_id}\n")
            status = 1
    return status
