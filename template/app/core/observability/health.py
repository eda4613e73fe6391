"""Is the process alive, and can it serve?"""

import asyncio
import time
from http import HTTPStatus
from typing import Literal

import psutil
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from app.core.errors import Unavailable
from app.core.problem import problem_response, problem_responses
from app.core.resource import Resource, Unusable, open_resources

router = APIRouter(tags=["health"])

# They are answered whatever else is refused.
PROBES = frozenset({"/health", "/ready"})

process = psutil.Process()


class HealthSettings(BaseModel):
    """How patient the probes are."""

    # For each resource; the resources are asked side by side.
    ready_timeout_seconds: float = Field(default=1, gt=0)


class Health(BaseModel):
    """How the process is."""

    status: Literal["ok"]
    uptime_seconds: float
    memory_bytes: int
    cpu_percent: float = Field(description="Of one core, since it was last asked.")


class Readiness(BaseModel):
    """Every resource that was asked, and answered."""

    status: Literal["ready"]
    resources: list[str]


@router.get("/health")
async def health() -> Health:
    """Tell that the process is alive. It asks nothing else: a restart wouldn't mend that."""
    return Health(
        status="ok",
        uptime_seconds=time.time() - process.create_time(),
        memory_bytes=process.memory_info().rss,
        cpu_percent=process.cpu_percent(),
    )


@router.get("/ready", response_model=Readiness, responses=problem_responses(Unavailable))
async def ready(request: Request) -> Readiness | Response:
    """Tell whether every resource answers; 503 with the names of those that don't."""
    if request.state.shutdown.draining:
        raise Unavailable("The service is about to end.")
    resources = list(open_resources(request.scope["state"]))
    timeout = request.state.settings.ready_timeout_seconds
    outcomes = await asyncio.gather(*(ping(resource, timeout) for resource in resources))
    failed = {
        resource.name: reason
        for resource, reason in zip(resources, outcomes, strict=True)
        if reason is not None
    }
    if failed:
        detail = f"Not ready: {', '.join(failed)}."
        return problem_response(HTTPStatus.SERVICE_UNAVAILABLE, detail, failed=failed)
    return Readiness(status="ready", resources=[resource.name for resource in resources])


async def ping(resource: Resource, timeout_seconds: float) -> str | None:
    """Ask a resource; say what went wrong, if anything did."""
    try:
        async with asyncio.timeout(timeout_seconds):
            await resource.ping()
    except TimeoutError:
        return f"no answer within {timeout_seconds:g} s"
    except Unusable as error:
        return str(error)
    except Exception as error:
        return type(error).__name__
    return None
