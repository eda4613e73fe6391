"""Enqueues tasks at the times that they name."""

from datetime import UTC, datetime

from cronsim import CronSim

from app.core.tasks.broker import Broker
from app.core.tasks.task import TASKS


class Schedule:
    """Looks, again and again, what became due since it last looked."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.looked_at = datetime.now(UTC)

    async def enqueue_due(self) -> None:
        """Enqueue it. Whoever else does so too has the same key, and changes nothing."""
        if not self._broker.ledger.keeps_time():
            return
        now = datetime.now(UTC)
        for task in TASKS.values():
            for moment in CronSim(task.schedule, self.looked_at) if task.schedule else ():
                if moment > now:
                    break
                await self._broker.enqueue(task(), key=moment.isoformat())
        self.looked_at = now
