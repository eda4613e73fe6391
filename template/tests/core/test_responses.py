"""Responses from the cache, through the application."""

import asyncio
from http import HTTPStatus
from typing import Any

from fastapi import Depends, HTTPException

from app.core.cache.responses import cached
from app.core.lifespan import State
from tests.fixtures.cached_routes import Answer, Get, Routes


async def test_a_hit_runs_nothing(get: Get, routes: Routes) -> None:
    routes.add("/things/{thing:int}")

    first, second = await get("/things/7"), await get("/things/7")

    assert first.json() == second.json() == {"number": 1, "asked": "/things/7"}
    assert routes.asked == ["/things/7"]
    assert first.headers["cache-status"].endswith("; fwd=miss; stored")
    assert "; hit; ttl=" in second.headers["cache-status"]
    assert first.headers["content-type"] == second.headers["content-type"] == "application/json"
    assert (await get("/things/8")).json()["number"] == 2


async def test_what_changed_is_asked_again(get: Get, routes: Routes, state: State) -> None:
    routes.add("/things/{thing:int}", tags=("thing-{thing}", "things"))
    for number, name in enumerate(("things:7", "thing-7", "things"), start=1):
        for path in ("/things/7", "/things/007"):
            assert (await get(path)).json()["number"] == number, "one thing, however it is written"
        await state["cache"].invalidate("things:8", "thing-8")
        assert (await get("/things/7")).json()["number"] == number
        await state["cache"].invalidate(name)


async def test_the_time_is_up(get: Get, routes: Routes) -> None:
    routes.add("/brief", ttl_seconds=0.02)
    routes.add("/stale", ttl_seconds=0.02, stale_seconds=60)
    assert [(await get(path)).json()["number"] for path in ("/brief", "/stale")] == [1, 2]
    await asyncio.sleep(0.03)

    assert (await get("/brief")).json()["number"] == 3
    stale = await get("/stale")
    assert stale.json()["number"] == 2
    assert "; hit; ttl=" in stale.headers["cache-status"]


async def test_a_client_that_has_it_gets_no_body(get: Get, routes: Routes) -> None:
    routes.add("/thing")
    tag = (await get("/thing")).headers["etag"]
    assert tag.startswith('"')

    for said in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = await get("/thing", if_none_match=said)
        assert (again.status_code, again.content) == (HTTPStatus.NOT_MODIFIED, b"")
        assert again.headers["etag"] == (said if said.startswith("W/") else tag)
        assert again.headers["cache-control"] == "public, no-cache"
        assert "content-length" not in again.headers
        assert "content-type" not in again.headers
    assert (await get("/thing", if_none_match='"other"')).json()["number"] == 1


async def test_a_changed_response_has_another_tag(get: Get, routes: Routes, state: State) -> None:
    routes.add("/thing")
    tag = (await get("/thing")).headers["etag"]
    await state["cache"].invalidate("thing")

    changed = await get("/thing", if_none_match=tag)

    assert (changed.status_code, changed.json()["number"]) == (HTTPStatus.OK, 2)


async def test_only_the_declared_query_counts(get: Get, routes: Routes) -> None:
    routes.add("/things", query=("color", "size"))

    assert (await get("/things?color=red&size=1")).json()["number"] == 1
    assert (await get("/things?size=1&utm=x&color=red")).json()["number"] == 1
    assert (await get("/things?color=red&color=blue")).json()["number"] == 2
    assert (await get("/things?color=red%26size%3D1")).json()["number"] == 3
    assert (await get("/things")).json()["number"] == 4


async def test_an_error_is_told_to_each_and_not_kept(get: Get, routes: Routes) -> None:
    @routes.router.get("/thing")
    @cached("thing")
    async def fail() -> Answer:
        routes.asked.append("")
        await asyncio.sleep(0.01)
        raise HTTPException(HTTPStatus.NOT_FOUND)

    answers = await asyncio.gather(*(get("/thing") for _ in range(3)))

    assert {answer.status_code for answer in answers} == {HTTPStatus.NOT_FOUND}
    ids = {answer.json()["request_id"] for answer in answers}
    assert ids == {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == 3
    assert len(routes.asked) == 1
    assert (await get("/thing")).status_code == HTTPStatus.NOT_FOUND
    assert len(routes.asked) == 2


async def test_dependencies_live_as_long_as_the_load(get: Get, routes: Routes) -> None:
    events: list[str] = []
    gate = asyncio.Event()

    async def resource() -> Any:
        events.append("opened")
        yield
        events.append("closed")

    @routes.router.get("/slow", dependencies=[Depends(resource)])
    @cached("slow")
    async def slow() -> str:
        await gate.wait()
        events.append("read")
        return "answer"

    leader = asyncio.create_task(get("/slow"))
    async with asyncio.timeout(5):
        while not events:
            await asyncio.sleep(0)
    follower = asyncio.create_task(get("/slow"))
    await asyncio.sleep(0)
    leader.cancel()
    await asyncio.gather(leader, return_exceptions=True)
    gate.set()

    assert (await follower).json() == "answer"
    assert events == ["opened", "read", "closed"]


async def test_the_state_names_each_family(get: Get, routes: Routes) -> None:
    routes.add("/things/{thing:int}")
    for path in ("/things/1", "/things/1", "/things/2"):
        await get(path)

    status = (await get("/health/cache")).raise_for_status().json()

    counted = {"hits": 1, "misses": 2, "stale": 0, "loads": 2}
    assert counted.items() <= status["families"]["things"].items()
    assert status["entries"] == 2
    assert 0 < status["bytes"] < status["max_bytes"]
