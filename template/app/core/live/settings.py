"""How much is kept for listeners, and how long they are waited for."""

from pydantic import BaseModel, Field


class HubSettings(BaseModel):
    """What a listener may cost, and what it may send."""

    # Messages that wait for one listener. Whoever reads more slowly than that is let go.
    live_queue_messages: int = Field(default=100, ge=1)
    # What is kept for those who come back: whichever of the two is reached first.
    live_history_messages: int = Field(default=1000, ge=1)
    live_history_bytes: int = Field(default=4 * 1024**2, ge=0)
    # A comment in streams where nothing happens: proxies end those that are silent.
    live_keepalive_seconds: float = Field(default=15, gt=0)
    # After how long a client whose stream ended is to come back.
    live_retry_seconds: float = Field(default=3, ge=0)
    # Of one message that comes through a socket.
    live_max_message_bytes: int = Field(default=64 * 1024, ge=1)
    # Pages that may open sockets, besides those of the same host: `https://shop.example.org`, or
    # `*` for all.
    live_origins: frozenset[str] = Field(default_factory=frozenset[str])
    # For other processes to be told of a message.
    live_relay_timeout_seconds: float = Field(default=1, gt=0)
