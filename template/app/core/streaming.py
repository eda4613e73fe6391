"""Bodies that are longer than the memory."""

from collections.abc import AsyncGenerator

from fastapi.responses import StreamingResponse


async def download(
    chunks: AsyncGenerator[str], *, filename: str, media_type: str
) -> StreamingResponse:
    """Send a file while it is made.

    What fails before the first chunk becomes an ordinary error. After it, the connection is cut,
    so that half a file doesn't look like a whole one. A client that leaves ends the work.
    """
    first = await anext(chunks, "")

    async def body() -> AsyncGenerator[str]:
        try:
            yield first
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()

    return StreamingResponse(
        body(),
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )
