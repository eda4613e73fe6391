"""A Redis or Valkey of the tests' own."""

import signal
from collections.abc import Sequence

from redis import Redis

from tests.own_server import OwnServer, says


class RedisServer(OwnServer):
    """What it kept is gone when it stops."""

    programs = ("redis-server", "valkey-server")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    def options(self) -> Sequence[str]:
        """Say how it is started."""
        place = ("--bind", "127.0.0.1", "--port", f"{self.port}", "--dir", f"{self.directory}")
        return (*place, "--save", "")

    def is_up(self) -> bool:
        """Tell whether it answers, and has read what it kept."""
        return says(self.port, b"PING\r\n") == b"+PON"

    def forget(self) -> None:
        """Let it be as if it were new."""
        with Redis.from_url(self.url) as client:
            client.flushall()

    def times_to_live(self) -> list[int]:
        """How many seconds each key has left; -1 for ever."""
        with Redis.from_url(self.url) as client:
            return [client.ttl(key) for key in client.scan_iter()]

    def pause(self) -> None:
        """Let it hang: it takes connections and says nothing."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.signal(signal.SIGCONT)
