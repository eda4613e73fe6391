"""Responses that depend on who asks, and must not reach anybody else."""

import asyncio
from http import HTTPStatus
from typing import Annotated

import pytest
from fastapi import BackgroundTasks, Depends, Header, HTTPException, Request
from fastapi.responses import Response
from fastapi.security import HTTPBearer

from app.core.cache.responses import cached, everyone
from app.core.lifespan import State
from tests.fixtures.cached_routes import Get, Routes


async def test_a_path_can_not_name_another_key(get: Get, routes: Routes) -> None:
    async def caller(request: Request) -> str:
        return request.headers.get("x-api-key", "")

    @routes.router.get("/pages/{page:path}")
    @cached("page:{page}", query=("size",), caller=caller)
    async def page(page: str) -> str:
        routes.asked.append(page)
        return str(len(routes.asked))

    paths = ("/pages/a", "/pages/a%3Fsize=1", "/pages/a@x", "/pages/a?size=1")
    assert len({(await get(path)).text for path in paths}) == len(paths)
    assert (await get("/pages/a", x_api_key="x")).json() == "5"


@pytest.mark.parametrize("header", ["authorization", "cookie", "x_api_key"])
async def test_credentials_are_never_shared_by_accident(
    get: Get, routes: Routes, header: str
) -> None:
    routes.add("/thing")

    theirs = await get("/thing", **{header: "a=1"})
    assert theirs.headers["cache-status"].endswith("; fwd=bypass")
    assert theirs.headers["cache-control"] == "private, no-cache"
    assert (await get("/thing")).json()["number"] == 2
    assert (await get("/thing", **{header: "a=2"})).json()["number"] == 3
    ours = await get("/thing")
    assert ours.json()["number"] == 2
    assert ours.headers["vary"] == "Authorization, Cookie"
    known = await get("/thing", **{header: "a=1", "if_none_match": "*"})
    assert known.status_code == HTTPStatus.NOT_MODIFIED


async def test_what_is_for_everyone_is_shared(get: Get, routes: Routes) -> None:
    routes.add("/thing", caller=everyone, max_age_seconds=30)

    answers = [await get("/thing", authorization=f"Bearer {number}") for number in range(3)]

    assert {answer.json()["number"] for answer in answers} == {1}
    assert {answer.headers["cache-control"] for answer in answers} == {"public, max-age=30"}
    assert "vary" not in answers[0].headers


async def test_each_caller_has_his_own(get: Get, routes: Routes, state: State) -> None:
    async def caller(request: Request) -> str:
        if "authorization" not in request.headers:
            raise HTTPException(HTTPStatus.UNAUTHORIZED)
        return request.headers["authorization"]

    routes.add("/mine", caller=caller)

    assert [(await get("/mine", authorization=who)).json()["number"] for who in "aba"] == [1, 2, 1]
    refused = await get("/mine")
    assert refused.status_code == HTTPStatus.UNAUTHORIZED
    answer = await get("/mine", authorization="a")
    assert answer.headers["cache-control"] == "private, no-cache"
    await state["cache"].invalidate("mine")
    assert [(await get("/mine", authorization=who)).json()["number"] for who in "ab"] == [3, 4]


async def test_what_belongs_to_one_is_not_kept(get: Get, routes: Routes) -> None:
    done: list[int] = []

    @routes.router.get("/{kind:int}")
    @cached("kind:{kind}")
    async def answer(kind: int, background: BackgroundTasks) -> Response:
        routes.asked.append("")
        number = len(routes.asked)
        if kind == 0:
            background.add_task(done.append, number)
        headers = {1: {"Set-Cookie": "a=1"}, 2: {"Cache-Control": "no-store"}, 3: {}}
        status = HTTPStatus.ACCEPTED if kind == 3 else HTTPStatus.OK
        await asyncio.sleep(0.01)
        return Response(str(number), status, headers.get(kind))

    for kind in range(4):
        routes.asked.clear()
        answers = await asyncio.gather(*(get(f"/{kind}") for _ in range(3)))
        assert len({answer.text for answer in answers}) == 3
        assert not any("cache-status" in answer.headers for answer in answers)
    assert sorted(done) == [1, 2, 3]


def test_a_response_that_could_reach_the_wrong_one_is_refused(routes: Routes) -> None:
    async def personal(authorization: Annotated[str, Header()]) -> str:
        return authorization

    async def secured(user: Annotated[object, Depends(HTTPBearer())]) -> str:
        return str(user)

    async def asked(limit: int) -> str:
        return str(limit)

    async def numbered(number: int) -> str:
        return str(number)

    add = routes.router.get
    with pytest.raises(TypeError, match="who asks"):
        add("/1")(cached("1")(personal))
    with pytest.raises(TypeError, match="who asks"):
        add("/2")(cached("2", caller=everyone)(secured))
    with pytest.raises(TypeError, match=r"query=\['limit'\]"):
        add("/3")(cached("3")(asked))
    with pytest.raises(TypeError, match=":int"):
        add("/4/{number}")(cached("4:{number}")(numbered))
    with pytest.raises(TypeError, match="GET"):
        routes.router.post("/5")(cached("5")(asked))
