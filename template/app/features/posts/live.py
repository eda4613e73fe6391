"""New posts, told as they come."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, WebSocket
from pydantic import BaseModel, Field

from app.core.deadline import no_deadline
from app.core.fields import RowId
from app.core.live.hub import HubDep
from app.core.live.sockets import check_origin, serve_socket
from app.core.live.streams import EventStream, LastEventId
from app.core.live.subscription import Subscription
from app.features.posts.topics import POSTS, POSTS_OF_AUTHOR

router = APIRouter(tags=["posts"])


class Wanted(BaseModel):
    """Whose posts a client listens to; of all authors, with an empty list."""

    authors: list[RowId] = Field(default_factory=list[RowId], max_length=100)

    @property
    def topics(self) -> list[str]:
        """Name them."""
        return [POSTS_OF_AUTHOR.format(author_id=author) for author in self.authors] or [POSTS]


async def admit(_websocket: WebSocket) -> None:
    """Turn away who may not listen, before the socket is accepted. Here, everybody may.

    Look at headers or cookies, and raise `WebSocketException(1008)`.
    """


@router.get(
    "/posts/stream",
    response_class=EventStream,
    dependencies=[Depends(no_deadline)],
)
async def stream_posts(
    live: HubDep,
    wanted: Annotated[Wanted, Query()],
    last_event_id: LastEventId = None,
) -> EventStream:
    """Tell of new posts: of all authors, or of some."""
    return EventStream(live, wanted.topics, last_event_id)


@router.websocket("/posts/ws", dependencies=[Depends(check_origin), Depends(admit)])
async def follow_posts(websocket: WebSocket, live: HubDep) -> None:
    """Tell of new posts: of all authors, or from `{"authors": [1, 2]}` on of these."""

    async def choose(subscription: Subscription, text: str) -> None:
        live.listen(subscription, Wanted.model_validate_json(text).topics)

    await serve_socket(websocket, live, [POSTS], choose)
