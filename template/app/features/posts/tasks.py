"""What no request waits for."""

from contextlib import suppress

from app.core.lifespan import State
from app.core.tasks.task import task
from app.features.posts.errors import PostNotFound
from app.features.posts.service import PostWriter


@task
async def count_words(state: State, post_id: int) -> None:
    """Count the words of a post. It stands for what takes longer: a mail, a thumbnail, an index."""
    with suppress(PostNotFound):
        async with state["database"].write() as session:
            await PostWriter(session, state).count_words(post_id)
