"""The usual way: FastAPI and the ORM with their defaults, as tutorials show them."""

import csv
import io
import os
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict
from sqlalchemy import BigInteger, DateTime, ForeignKey, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload

engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+asyncpg:")
)
new_session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    """The base of the models."""


class Author(Base):
    """Who writes."""

    __tablename__ = "authors"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name: Mapped[str]
    email: Mapped[str] = mapped_column(unique=True)


class Post(Base):
    """What is written."""

    __tablename__ = "posts"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    title: Mapped[str]
    body: Mapped[str]
    word_count: Mapped[int | None]
    likes: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    author: Mapped[Author] = relationship()


class AuthorOut(BaseModel):
    """An author, as answered."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str


class PostIn(BaseModel):
    """A post to be added."""

    author_id: int
    title: str
    body: str


class PostFields(BaseModel):
    """What every answer says of a post."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str
    body: str
    word_count: int | None
    likes: int
    version: int
    created_at: datetime
    updated_at: datetime


class PostOut(PostFields):
    """A post, as answered."""

    author_id: int


class PostWithAuthor(PostFields):
    """A post, as listed."""

    author: AuthorOut


class PostPage(BaseModel):
    """Posts, and how many there are."""

    items: list[PostWithAuthor]
    total: int


async def get_session() -> AsyncGenerator[AsyncSession]:
    async with new_session() as session:
        yield session


Session = Annotated[AsyncSession, Depends(get_session)]


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/posts/{post_id}", response_model=PostOut)
async def get_post(post_id: int, session: Session) -> Post:
    post = await session.get(Post, post_id)
    if post is None:
        raise HTTPException(404, "Post not found")
    return post


@app.get("/posts", response_model=PostPage)
async def list_posts(session: Session, author_id: int, limit: int = 20) -> dict[str, object]:
    posts = (
        select(Post)
        .where(Post.author_id == author_id)
        .options(selectinload(Post.author))
        .order_by(Post.created_at.desc(), Post.id.desc())
        .limit(limit)
    )
    items = (await session.scalars(posts)).all()
    total = await session.scalar(
        select(func.count()).select_from(Post).where(Post.author_id == author_id)
    )
    return {"items": items, "total": total}


@app.post("/posts", response_model=PostOut, status_code=201)
async def create_post(new: PostIn, session: Session) -> Post:
    post = Post(**new.model_dump())
    session.add(post)
    await session.commit()
    await session.refresh(post)
    return post


@app.get("/export/posts.csv")
async def export_posts(session: Session) -> StreamingResponse:
    posts = (await session.scalars(select(Post).order_by(Post.id))).all()
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["id", "author_id", "title", "body", "created_at"])
    for post in posts:
        writer.writerow([post.id, post.author_id, post.title, post.body, post.created_at])
    text.seek(0)
    return StreamingResponse(text, media_type="text/csv")
