"""The state of the cache, for people and probes."""

from dataclasses import asdict

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.core.cache.cache import CacheDep
from app.core.observability.management import MANAGEMENT

router = APIRouter(tags=["health"], dependencies=[MANAGEMENT])


class Reads(BaseModel):
    """What became of the reads, since the start."""

    hits: int
    misses: int
    stale: int = Field(description="Given while a newer one was loaded.")
    loads: int
    load_seconds: float


class CacheStatus(BaseModel):
    """What this process keeps, and how often it was of use."""

    entries: int
    bytes: int
    max_bytes: int
    errors: int = Field(default=0, description="Of what processes share, since the start.")
    is_away: bool = Field(default=False, description="Whether that is left alone: it failed.")
    families: dict[str, Reads] = Field(description="Reads by what their keys begin with.")


@router.get("/health/cache")
async def cache_status(cache: CacheDep) -> CacheStatus:
    """Count what is kept, and the reads of each family of keys."""
    families = {name: asdict(counts) for name, counts in cache.families.items()}
    return CacheStatus.model_validate({**cache.stats(), "families": families})
