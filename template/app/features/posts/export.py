"""All posts, as a file. It is written while it is sent, and nobody holds it in memory."""

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from app.core.streaming import download
from app.features.posts.reader import PostReaderDep

router = APIRouter(prefix="/posts", tags=["posts"])


@router.get("/export.csv", response_class=StreamingResponse)
async def export_csv(posts: PostReaderDep) -> StreamingResponse:
    """Download all posts for a spreadsheet."""
    return await download(posts.as_csv(), filename="posts.csv", media_type="text/csv")


@router.get("/export.ndjson", response_class=StreamingResponse)
async def export_ndjson(posts: PostReaderDep) -> StreamingResponse:
    """Download all posts, one JSON object per line."""
    return await download(
        posts.as_ndjson(), filename="posts.ndjson", media_type="application/x-ndjson"
    )
