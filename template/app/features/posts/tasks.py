"""What no request waits for."""

from app.core.errors import AppError
from app.core.lifespan import State
from app.core.tasks.task import task
from app.features.posts.importer import PostImporter
from app.features.posts.service import FastPostWriter


@task()
async def count_words(state: State, post_id: int) -> None:
    """Count the words of a post. It stands for what takes longer: a mail, a thumbnail, an index."""
    await FastPostWriter(state).count_words(post_id)


# What is wrong with a file doesn't change by itself.
@task(fatal=(AppError,), timeout_seconds=600)
async def import_posts(state: State, import_id: int) -> None:
    """Store the posts of a file."""
    await PostImporter(state).store(import_id)


@task(schedule="30 3 * * *")
async def forget_imports(state: State) -> None:
    """Remove the files that could not be imported."""
    await PostImporter(state).forget()
