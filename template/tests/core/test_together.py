"""Several who ask for the same at the same time."""

import asyncio
from collections.abc import Sequence

import pytest

from app.core.tasks.together import Together


class Doubling:
    """Doubles numbers, and notes which ones at once."""

    def __init__(self) -> None:
        self.trips: list[list[int]] = []

    async def double(self, numbers: Sequence[int]) -> Sequence[int]:
        self.trips.append([*numbers])
        await asyncio.sleep(0.01)
        if 13 in numbers:
            raise ValueError("unlucky")
        return [2 * number for number in numbers]


async def test_those_who_ask_at_once_share_a_trip() -> None:
    doubling = Doubling()
    together = Together(doubling.double, 3)

    assert await together.do(0) == 0
    assert await asyncio.gather(*map(together.do, range(5))) == [0, 2, 4, 6, 8]
    assert doubling.trips == [[0], [0, 1, 2], [3, 4]]


async def test_what_is_asked_meanwhile_has_its_turn() -> None:
    doubling = Doubling()
    together = Together(doubling.double, 3)
    first = together.begin(1)
    await asyncio.sleep(0.001)
    second = together.begin(2)

    await together.settle()
    assert (first.result(), second.result(), doubling.trips) == (2, 4, [[1], [2]])


async def test_who_asks_alone_makes_the_trip_and_the_next_ones_share_another() -> None:
    doubling = Doubling()
    together = Together(doubling.double, 3)
    alone = asyncio.create_task(together.do(0))
    await asyncio.sleep(0.001)
    others = asyncio.gather(together.do(1), together.do(2))

    assert [await alone, *await others] == [0, 2, 4]
    assert doubling.trips == [[0], [1, 2]]


@pytest.mark.parametrize("seconds", [0, 0.001])
async def test_who_asks_alone_and_is_cancelled_leaves_nobody_behind(seconds: float) -> None:
    together = Together(Doubling().double, 3)
    alone = asyncio.create_task(together.do(0))
    await asyncio.sleep(seconds)
    other = asyncio.create_task(together.do(1))
    alone.cancel()

    async with asyncio.timeout(5):
        assert await other == 2
    with pytest.raises(asyncio.CancelledError):
        await alone
    assert await together.do(2) == 4


async def test_a_pause_after_a_trip_makes_them_fewer() -> None:
    doubling = Doubling()
    together = Together(doubling.double, 3, 0.5)
    async with asyncio.timeout(0.4):
        assert await together.do(0) == 0
    for number in (1, 2):
        together.begin(number)
        await asyncio.sleep(0.02)

    await together.settle()
    assert doubling.trips == [[0], [1, 2]]


async def test_who_is_cancelled_stops_nobody_else() -> None:
    doubling = Doubling()
    together = Together(doubling.double, 3)
    cancelled = asyncio.create_task(together.do(1))
    other = asyncio.create_task(together.do(2))
    await asyncio.sleep(0.001)
    cancelled.cancel()

    assert (await other, doubling.trips) == (4, [[1, 2]])


async def test_a_failure_is_everybody_s_and_ends_nothing() -> None:
    together = Together(Doubling().double, 3)
    outcomes = await asyncio.gather(*map(together.do, (12, 13)), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [ValueError, ValueError]
    with pytest.raises(ValueError, match="unlucky"):
        await together.do(13)
    assert await together.do(1) == 2
