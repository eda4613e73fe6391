"""What the links of a post lead to. Others are asked, side by side; some of them may fail."""

import re
from html import unescape

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.core.errors import AppError
from app.core.fields import IdPath
from app.core.http_client.answer import Answer, ErrorAnswer
from app.core.http_client.client import WebClientDep
from app.core.problem import problem_responses
from app.features.posts.errors import PostNotFound
from app.features.posts.reader import PostReaderDep

router = APIRouter(prefix="/posts", tags=["posts"])

URL = re.compile(r"https?://[^\s<>\"'()\[\]{}]{1,2000}", re.IGNORECASE)
MOST_URLS = 10
MOST_AT_ONCE = 5
# A title stands at the top of a page. And who writes one for thousands of words?
HEAD_BYTES, MOST_CHARACTERS = 65_536, 200


class PreviewOut(BaseModel):
    """What a link leads to, or why nobody knows."""

    url: str
    status: int | None = Field(description="What was answered; null if nothing was.")
    title: str | None
    problem: str | None


@router.get("/{post_id:id}/previews", responses=problem_responses(PostNotFound))
async def post_previews(
    post_id: IdPath, posts: PostReaderDep, web: WebClientDep
) -> list[PreviewOut]:
    """Show what the first ten links of a post lead to."""
    urls = urls_in(await posts.body(post_id))
    answers = await web.get_all(urls, at_once=MOST_AT_ONCE)
    return [preview(url, answer) for url, answer in zip(urls, answers, strict=True)]


def urls_in(text: str) -> list[str]:
    """Find the links in a text, each once, without the full stop behind."""
    found = (match[0].rstrip(".,:;!?") for match in URL.finditer(text))
    return list(dict.fromkeys(found))[:MOST_URLS]


def preview(url: str, answer: Answer | AppError) -> PreviewOut:
    """Make something of whatever came back."""
    if isinstance(answer, Answer):
        title = title_of(answer.body[:HEAD_BYTES])
        return PreviewOut(url=url, status=answer.status, title=title, problem=None)
    status = answer.answered if isinstance(answer, ErrorAnswer) else None
    return PreviewOut(url=url, status=status, title=None, problem=answer.detail)


def title_of(page: bytes) -> str | None:
    """Find the title of a page. A pattern with a start and an end could be made to take minutes."""
    lower = page.lower()
    tag = lower.find(b"<title")
    start = lower.find(b">", tag) + 1
    end = lower.find(b"</title", start)
    if tag < 0 or start == 0 or end < 0:
        return None
    title = " ".join(unescape(page[start:end].decode(errors="replace")).split())
    return title[:MOST_CHARACTERS] or None
