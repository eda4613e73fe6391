"""What no request waits for."""

from app.core.lifespan import State
from app.core.tasks.task import task
from app.features.posts.service import FastPostWriter


@task()
async def count_words(state: State, post_id: int) -> None:
    """Count the words of a post. It stands for what takes longer: a mail, a thumbnail, an index."""
    await FastPostWriter(state).count_words(post_id)
