"""The ledger that the tests of tasks use."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from app.core.database.session import open_database
from app.core.tasks.connection import BrokerSettings
from app.core.tasks.contract import Ledger
from app.core.tasks.ledger import open_ledger
from app.settings import Settings


@pytest.fixture
def broker_url() -> str:
    """A broker that is away: the application works all the same."""
    return re.sub(r":\d+(?=/|$)", ":9", BrokerSettings().broker_url)


@asynccontextmanager
async def opened_ledger(settings: Settings) -> AsyncGenerator[Ledger]:
    """Open it, with the database that it is in."""
    async with open_database(settings) as database, open_ledger(settings, database) as ledger:
        yield ledger
