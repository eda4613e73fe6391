"""HTTP in, HTTP out; what happens in between is the service's."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response

from app.core.errors import BadGateway, GatewayTimeout, Unavailable
from app.core.problem import problem_responses
from app.core.tasks.broker import BrokerDep
from app.features.repositories.errors import RateLimitReached, RepositoryNotFound
from app.features.repositories.schemas import RefreshOut, RepositoryOut
from app.features.repositories.service import RepositoryReaderDep
from app.features.repositories.tasks import refresh

router = APIRouter(tags=["repositories"])

# They become part of a URL: nothing in them may lead elsewhere, and dots alone would.
OwnerPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]+$", max_length=39)]
NamePath = Annotated[str, Path(pattern=r"^[.]*[A-Za-z0-9_-][A-Za-z0-9._-]*$", max_length=100)]


@router.get(
    "/repositories/{owner}/{name}",
    response_model=RepositoryOut,
    responses=problem_responses(
        RepositoryNotFound, BadGateway, Unavailable, RateLimitReached, GatewayTimeout
    ),
)
async def get_repository(
    owner: OwnerPath, name: NamePath, repositories: RepositoryReaderDep
) -> Response:
    """Read a repository at a glance."""
    found = await repositories.get(f"{owner}/{name}")
    await repositories.tell(found)
    return Response(found, media_type="application/json")


@router.post("/repositories/{owner}/{name}/refresh", status_code=HTTPStatus.ACCEPTED)
async def refresh_repository(
    owner: OwnerPath, name: NamePath, broker: BrokerDep, response: Response
) -> RefreshOut:
    """Look a repository up again, without anybody waiting for it."""
    task_id = await broker.enqueue(refresh(f"{owner}/{name}"))
    status_url = f"/tasks/{task_id}"
    response.headers["Location"] = status_url
    return RefreshOut(task_id=task_id, status_url=status_url)
