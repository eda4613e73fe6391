"""What the hub asks of a relay, which carries messages from each process to all of them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Packed(NamedTuple):
    """A message on its way, and the id that it got there."""

    id: str
    text: str


class Receiver(Protocol):
    """Where messages arrive: in all processes in the same order, each once."""

    @property
    def latest(self) -> str | None:
        """The id of the last message that arrived."""

    def begin(self, kept: Sequence[Packed] | None) -> None:
        """Hear from now on. `None`: nothing was missed since `latest`.

        Otherwise something may have been; these are the last messages, one at least.
        """

    async def deliver(self, messages: Sequence[Packed]) -> None:
        """Take messages in."""


class Relay(Protocol):
    """A way to all processes."""

    async def send(self, texts: Sequence[str]) -> None:
        """Send messages, in this order. Raise whatever stands in the way."""

    async def follow(self, receiver: Receiver) -> None:
        """Pass on what comes, until it is cancelled. Raise whatever ends the connection."""
