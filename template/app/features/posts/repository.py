"""The queries of a session. A relationship is loaded where the query says so, or not at all."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from app.features.posts.models import Author, Post, PostImport


class PostRepository:
    """Posts and authors, as the database keeps them."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def get(self, post_id: int) -> Post | None:
        """Find a post with its author, in order to change it: others wait until that is done."""
        statement = (
            select(Post)
            .where(Post.id == post_id)
            .options(joinedload(Post.author, innerjoin=True))
            .with_for_update(of=Post)
        )
        return await self.session.scalar(statement)

    async def get_author(self, author_id: int) -> Author | None:
        """Find an author."""
        return await self.session.get(Author, author_id)

    async def known_authors(self, author_ids: Collection[int]) -> set[int]:
        """Find out which of these authors there are."""
        return set(await self.session.scalars(select(Author.id).where(Author.id.in_(author_ids))))

    async def add(self, row: Post | Author) -> None:
        """Store a row, so that it has its id."""
        self.session.add(row)
        await self.session.flush()

    async def add_many(self, rows: Sequence[dict[str, object]]) -> None:
        """Store posts in one go: a tenth of what objects would cost."""
        await self.session.execute(insert(Post), rows)

    async def add_import(self, content: str) -> int:
        """Keep a file of posts for the task that stores them."""
        kept = PostImport(content=content)
        self.session.add(kept)
        await self.session.flush()
        return kept.id

    async def get_import(self, import_id: int) -> PostImport | None:
        """Find a file of posts; whoever else wants to store them waits."""
        return await self.session.get(PostImport, import_id, with_for_update=True)

    async def forget_imports(self, before: datetime) -> None:
        """Remove the files that were sent before that, and could never be stored."""
        await self.session.execute(delete(PostImport).where(PostImport.created_at < before))

    async def delete(self, post: Post) -> None:
        """Remove a post."""
        await self.session.delete(post)

    async def busiest_authors(self, limit: int) -> Sequence[tuple[Author, int, int]]:
        """List the authors with most posts, with the number of their posts and words."""
        posts = func.count(Post.id)
        statement = (
            select(Author, posts, func.sum(Post.word_count))
            .join(Post, Post.author_id == Author.id)
            .group_by(Author.id)
            .order_by(posts.desc(), Author.id)
            .limit(limit)
        )
        rows = await self.session.execute(statement)
        return [(author, count, words or 0) for author, count, words in rows]
