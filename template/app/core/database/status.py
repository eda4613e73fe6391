"""The state of the connections, for people and probes."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.core.database.session import DatabaseDep
from app.core.observability.management import MANAGEMENT

router = APIRouter(tags=["health"], dependencies=[MANAGEMENT])


class PoolStatus(BaseModel):
    """Connections of this process, by what they do, and those who wait for one."""

    size: int
    checked_in: int
    checked_out: int
    overflow: int
    waiting: int
    timeouts: int = Field(description="Requests that waited in vain, since the start.")
    waits: dict[str, int] = Field(
        description="Connections that were there within so many seconds, since the start."
    )


@router.get("/health/db-pool")
async def db_pool(database: DatabaseDep) -> PoolStatus:
    """Count the connections in use, those at rest, and the wait for them."""
    return PoolStatus.model_validate({**database.stats(), "waits": database.waits.histogram()})
