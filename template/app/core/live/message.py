"""What is told: put into words once, for all who hear it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from fastapi.sse import format_sse_event


@dataclass(frozen=True)
class Message:
    """Something that happened, with an id that is the same in all processes."""

    id: str
    event: str
    topics: tuple[str, ...]
    # JSON.
    data: str

    @cached_property
    def as_event(self) -> bytes:
        """Say it as an event stream does."""
        return format_sse_event(event=self.event, data_str=self.data, id=self.id)

    @cached_property
    def as_text(self) -> str:
        """Say it as a socket does."""
        return f'{{"id": "{self.id}", "event": "{self.event}", "data": {self.data}}}'

    @property
    def size(self) -> int:
        """How many characters it takes, about."""
        return len(self.data)


def pack(event: str, topics: Iterable[str], data: str) -> str:
    """Make one text of what is to be told. What it is about stands in the first line."""
    return f"{json.dumps([event, *topics])}\n{data}"


def unpack(message_id: str, packed: str) -> Message:
    """Make a message of such a text, and of the id that it got."""
    about, _, data = packed.partition("\n")
    event, *topics = json.loads(about)
    return Message(message_id, event, tuple(topics), data)


# It's about nothing, so nobody hears it. With its id begins what is known from then on.
BEGINNING = pack("", (), "")


def reset_after(message_id: str) -> Message:
    """Say that something may have been missed: load again, and go on from this id."""
    return Message(message_id, "reset", (), "null")
