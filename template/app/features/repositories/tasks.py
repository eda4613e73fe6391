"""What no request waits for."""

from app.core.lifespan import State
from app.core.tasks.task import task
from app.features.repositories.errors import RepositoryNotFound
from app.features.repositories.service import RepositoryReader


@task(fatal=(RepositoryNotFound,))
async def refresh(state: State, name: str) -> None:
    """Look a repository up again, and tell who listens. GitHub may be away: then it is repeated."""
    await RepositoryReader(state).refresh(name)
