"""What the server reads from the environment."""

from pydantic import Field

from app.core.observability.management import ManagementSettings


class ServerSettings(ManagementSettings):
    """Where to listen, whom to trust, and how to stop."""

    host: str = "0.0.0.0"  # noqa: S104 - a container is reached from outside
    port: int = Field(default=8000, ge=1, le=65535)
    # Connections that wait to be accepted.
    backlog: int = Field(default=2048, ge=1)
    # Addresses or networks of proxies, `10.0.0.0/8`: what they say of the client is believed.
    trusted_proxies: tuple[str, ...] = ()
    # How long a connection stays open without a request: longer than a proxy keeps it, or the
    # proxy sends a request to one that is about to close.
    keep_alive_seconds: int = Field(default=75, ge=0)
    # Of a request without its body, and how long it may take to come.
    max_head_bytes: int = Field(default=64 * 1024, ge=1024)
    head_timeout_seconds: float = Field(default=10, gt=0)
    # A client that doesn't answer a ping of its socket in that time is gone.
    socket_ping_seconds: float = Field(default=20, gt=0)
    # A worker ends after about so many requests, and another one takes its place; 0 for never.
    worker_max_requests: int = Field(default=0, ge=0)
    # After SIGTERM: how long others are given to send their requests elsewhere.
    drain_seconds: float = Field(default=5, ge=0)
    # And then, how long requests may go on. Without a limit one that hangs blocks it for good.
    shutdown_timeout_seconds: int = Field(default=20, ge=0)
