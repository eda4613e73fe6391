"""The state of the connections, for people and probes."""

from fastapi import APIRouter
from pydantic import BaseModel

from app.core.database.session import DatabaseDep

router = APIRouter(tags=["health"])


class PoolStatus(BaseModel):
    """Connections, by what they do."""

    size: int
    checked_in: int
    checked_out: int
    overflow: int


@router.get("/health/db-pool")
async def db_pool(database: DatabaseDep) -> PoolStatus:
    """Count the connections in use, and those at rest."""
    return PoolStatus.model_validate(database.stats())
