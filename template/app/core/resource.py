"""What everything that the lifespan opens has in common."""

from collections.abc import Iterator, Mapping
from typing import Protocol, runtime_checkable


class Unusable(Exception):
    """A resource that waiting won't mend. The message says what is wrong, and what to do."""


@runtime_checkable
class Resource(Protocol):
    """Something open that can be asked how it is."""

    name: str

    async def ping(self) -> None:
        """Raise whatever comes of it when the resource can't be used."""

    def stats(self) -> Mapping[str, float]:
        """Count what is in use, without waiting for anything."""


def open_resources(state: Mapping[str, object]) -> Iterator[Resource]:
    """Find the resources in the state of a request."""
    return (value for value in state.values() if isinstance(value, Resource))
