"""Many posts in a file: accepted at once, stored by a task."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from app.core.errors import BadRequest
from app.core.problem import problem_responses
from app.core.tasks.broker import BrokerDep
from app.core.tasks.within import enqueue_within
from app.core.text import Text
from app.features.posts.schemas import PostImportOut
from app.features.posts.service import PostWriterDep
from app.features.posts.tasks import import_posts

router = APIRouter(prefix="/posts", tags=["posts"])

TEXT = TypeAdapter(Text)
LINES = {"type": "string", "minLength": 1}


class NotText(BadRequest):
    """The body is not text in UTF-8."""


class NoPosts(BadRequest):
    """There are no posts in the body."""


@router.post(
    "/import",
    status_code=HTTPStatus.ACCEPTED,
    responses=problem_responses(NotText, NoPosts),
    openapi_extra={
        "requestBody": {
            "description": "A post per line, as JSON.",
            "content": {
                "application/x-ndjson": {"schema": LINES},
                "text/plain": {"schema": LINES},
            },
            "required": True,
        }
    },
)
async def import_file(
    request: Request, posts: PostWriterDep, broker: BrokerDep, response: Response
) -> PostImportOut:
    """Accept posts, all or none. The status of the task tells what becomes of them."""
    try:
        content = TEXT.validate_python((await request.body()).decode())
    except ValueError as error:
        raise NotText from error
    if not content.strip():
        raise NoPosts
    import_id = await posts.posts.add_import(content)
    task_id = await enqueue_within(posts.session, broker, import_posts(import_id))
    status_url = f"/tasks/{task_id}"
    response.headers["Location"] = status_url
    return PostImportOut(task_id=task_id, status_url=status_url)
