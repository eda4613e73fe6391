"""Is the process alive, and can it serve?"""

import asyncio
import time
from collections.abc import Sequence
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
    degraded: list[str] = Field(
        description="Those without which the service goes on, more slowly: what they need is away."
    )


class Pings:
    """Asks the resources, once for all who want to know at the same time."""

    def __init__(self) -> None:
        self._asking: asyncio.Task[dict[str, str]] | None = None

    async def failed(self, resources: Sequence[Resource], timeout_seconds: float) -> dict[str, str]:
        """Name those that don't answer, each with the reason."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(ping_all(resources, timeout_seconds))
        # Who doesn't wait any more takes the answer from nobody.
        return await asyncio.shield(self._asking)


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
    """Tell whether every resource answers; 503 with the names of those that don't.

    What the service can do without isn't waited for: it is named as `degraded`.
    """
    if request.state.shutdown.draining:
        raise Unavailable("The service is about to end.")
    resources = list(open_resources(request.scope["state"]))
    timeout = request.state.settings.ready_timeout_seconds
    failed = await request.state.pings.failed(resources, timeout)
    if failed:
        detail = f"Not ready: {', '.join(failed)}."
        return problem_response(HTTPStatus.SERVICE_UNAVAILABLE, detail, failed=failed)
    return Readiness(
        status="ready",
        resources=[resource.name for resource in resources],
        degraded=[resource.name for resource in resources if is_degraded(resource)],
    )


def is_degraded(resource: Resource) -> bool:
    """Tell whether a resource makes do without something that is away."""
    stats = resource.stats()
    return bool(stats.get("is_away")) or not stats.get("is_listening", True)


async def ping_all(resources: Sequence[Resource], timeout_seconds: float) -> dict[str, str]:
    """Ask all of them side by side."""
    reasons = await asyncio.gather(*(ping(resource, timeout_seconds) for resource in resources))
    return {
        resource.name: reason
        for resource, reason in zip(resources, reasons, strict=True)
        if reason is not None
    }


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
