"""HTTP in, HTTP out; what happens in between is the service's."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response

from app.core.concurrency import run_cpu
from app.core.database.session import SessionDep
from app.core.fields import RowId
from app.core.pagination import InvalidCursor, PageQueryDep
from app.core.problem import problem_responses
from app.core.tasks.broker import BrokerDep
from app.features.posts.errors import (
    AuthorNotFound,
    AuthorUnknown,
    EmailTaken,
    PostChanged,
    PostNotFound,
    TitleTaken,
)
from app.features.posts.schemas import (
    AuthorIn,
    AuthorOut,
    DigestOut,
    PostIn,
    PostOut,
    PostPage,
    PostUpdate,
)
from app.features.posts.service import PostReaderDep, PostWriterDep, slow_digest
from app.features.posts.tasks import count_words

router = APIRouter(tags=["posts"])

IdPath = Annotated[RowId, Path()]


@router.get("/posts", responses=problem_responses(InvalidCursor))
async def list_posts(query: PageQueryDep, posts: PostReaderDep) -> PostPage:
    """List posts with their authors, newest first."""
    return await posts.page(query)


@router.get("/posts/{post_id}", response_model=PostOut, responses=problem_responses(PostNotFound))
async def get_post(post_id: IdPath, posts: PostReaderDep) -> Response:
    """Read a post."""
    return Response(await posts.get(post_id), media_type="application/json")


@router.post(
    "/posts",
    status_code=HTTPStatus.CREATED,
    responses=problem_responses(AuthorUnknown, TitleTaken),
)
async def create_post(
    new: PostIn,
    posts: PostWriterDep,
    session: SessionDep,
    broker: BrokerDep,
    response: Response,
) -> PostOut:
    """Add a post."""
    post = await posts.create(new)
    session.after_commit(lambda: broker.enqueue(count_words, post.id))
    response.headers["Location"] = f"/posts/{post.id}"
    return post


@router.put(
    "/posts/{post_id}",
    responses=problem_responses(PostNotFound, AuthorUnknown, TitleTaken, PostChanged),
)
async def replace_post(
    post_id: IdPath,
    new: PostUpdate,
    posts: PostWriterDep,
    session: SessionDep,
    broker: BrokerDep,
) -> PostOut:
    """Put new contents in the place of a post's."""
    post = await posts.replace(post_id, new)
    session.after_commit(lambda: broker.enqueue(count_words, post.id))
    return post


@router.delete(
    "/posts/{post_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problem_responses(PostNotFound),
)
async def delete_post(post_id: IdPath, posts: PostWriterDep) -> None:
    """Remove a post."""
    await posts.delete(post_id)


@router.post("/posts/{post_id}/digest", responses=problem_responses(PostNotFound))
async def digest_post(post_id: IdPath, posts: PostReaderDep) -> DigestOut:
    """Compute a digest of a post, without holding up other requests."""
    digest = await run_cpu(slow_digest, await posts.body(post_id))
    return DigestOut(algorithm="pbkdf2-sha256", digest=digest)


@router.post("/authors", status_code=HTTPStatus.CREATED, responses=problem_responses(EmailTaken))
async def create_author(new: AuthorIn, posts: PostWriterDep, response: Response) -> AuthorOut:
    """Add an author."""
    author = await posts.add_author(new)
    response.headers["Location"] = f"/authors/{author.id}"
    return author


@router.get("/authors/{author_id}", responses=problem_responses(AuthorNotFound))
async def get_author(author_id: IdPath, posts: PostReaderDep) -> AuthorOut:
    """Read an author."""
    return await posts.author(author_id)
