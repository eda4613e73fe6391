"""What everything that the lifespan opens has in common."""

from collections.abc import Collection, Iterator, Mapping
from typing import Protocol, runtime_checkable


class Unusable(Exception):
    """A resource that waiting won't mend. The message says what is wrong, and what to do."""


@runtime_checkable
class Resource(Protocol):
    """Something open that can be asked how it is.

    It may have `totals`: the names of those `stats` that only grow, from the start on.
    """

    name: str

    async def ping(self) -> None:
        """Raise whatever comes of it when the resource can't be used."""

    def stats(self) -> Mapping[str, float]:
        """Count what is in use, without waiting for anything."""


def totals_of(resource: Resource) -> Collection[str]:
    """Name the numbers of a resource that only grow."""
    totals: Collection[str] = getattr(resource, "totals", ())
    return totals


def open_resources(state: Mapping[str, object]) -> Iterator[Resource]:
    """Find the resources in the state of a request."""
    return (value for value in state.values() if isinstance(value, Resource))
