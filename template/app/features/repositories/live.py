"""Which repositories are looked up, told as it happens."""

from fastapi import APIRouter, Depends

from app.core.deadline import no_deadline
from app.core.live.hub import HubDep
from app.core.live.streams import EventStream, LastEventId
from app.features.repositories.service import LOOKED_UP

router = APIRouter(tags=["repositories"])


@router.get(
    "/repositories/stream",
    response_class=EventStream,
    dependencies=[Depends(no_deadline)],
)
async def stream_repositories(live: HubDep, last_event_id: LastEventId = None) -> EventStream:
    """Tell which repositories are looked up."""
    return EventStream(live, [LOOKED_UP], last_event_id)
