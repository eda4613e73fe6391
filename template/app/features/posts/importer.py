"""Files of posts: kept when they are sent, stored by a task."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from pydantic import ValidationError

from app.core.database.model import utc_now
from app.core.lifespan import State
from app.features.posts.errors import NotAPost
from app.features.posts.repository import PostRepository
from app.features.posts.schemas import PostIn
from app.features.posts.service import PostWriter

# Between two batches others have their turn.
BATCH = 500
# What could not be stored is kept for whoever mends it.
KEPT = timedelta(days=7)


@dataclass(frozen=True)
class PostImporter:
    """Stores many posts at once."""

    state: State

    async def store(self, import_id: int) -> None:
        """Store the posts of a file, all or none. The file goes with them: nobody does so twice."""
        async with self.state["database"].write() as session:
            kept = await PostRepository(session).get_import(import_id)
            if kept is None:
                return
            writer = PostWriter(session, self.state)
            # JSON has no line breaks in its texts, but others that Python takes for some.
            lines = [line for line in kept.content.split("\n") if line.strip()]
            for first in range(0, len(lines), BATCH):
                batch = enumerate(lines[first : first + BATCH], first + 1)
                await writer.create_many([post_in(line, number) for number, line in batch])
                await asyncio.sleep(0)
            await session.delete(kept)

    async def forget(self) -> None:
        """Remove the files that nobody mended."""
        async with self.state["database"].write() as session:
            await PostRepository(session).forget_imports(utc_now() - KEPT)


def post_in(line: str, number: int) -> PostIn:
    """Read a post, or say what is wrong without repeating it."""
    try:
        return PostIn.model_validate_json(line)
    except ValidationError as error:
        (first, *_) = error.errors(include_input=False, include_url=False)
        raise NotAPost.at(number, ".".join(map(str, first["loc"])), first["msg"]) from None
