"""What was told lately, for those who were away for a moment."""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

from app.core.live.message import Message


class History:
    """The last messages, as many as there is room for."""

    def __init__(self, most_messages: int, most_bytes: int) -> None:
        self.latest: str | None = None
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._messages: deque[Message] = deque()
        # Under the id of a message, its number; so there is nothing to search.
        self._numbers: dict[str, int] = {}
        self._next_number = 0
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: Message) -> None:
        """Keep a message, in the place of the oldest ones."""
        self._messages.append(message)
        self._numbers[message.id] = self._next_number
        self._next_number += 1
        self._bytes += message.size
        self.latest = message.id
        # The last one stays: with it begins what is to come.
        while len(self) > 1 and (len(self) > self._most_messages or self._bytes > self._most_bytes):
            oldest = self._messages.popleft()
            del self._numbers[oldest.id]
            self._bytes -= oldest.size

    def start_over(self, messages: Iterable[Message]) -> None:
        """Forget everything, and keep these."""
        self._messages.clear()
        self._numbers.clear()
        self._bytes = 0
        self.latest = None
        for message in messages:
            self.add(message)

    def since(self, message_id: str) -> Sequence[Message] | None:
        """Give what came after a message; `None` if it is unknown, or too long ago."""
        number = self._numbers.get(message_id)
        if number is None:
            return None
        oldest = self._next_number - len(self._messages)
        return list(islice(self._messages, number - oldest + 1, None))
