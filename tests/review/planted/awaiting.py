"""Calls of others in a row, in many forms."""

from fastapi import APIRouter, Request

from app.core.http_client.client import HttpClient, HttpClientDep

router = APIRouter()
URL = "https://example.org"


@router.get("/row")
async def row(http_client: HttpClientDep) -> int:
    first = await http_client.get(f"{URL}/first")
    second = await http_client.get(f"{URL}/second")  # finds: sequential-awaits
    return first.status + second.status


class Upstream:
    def __init__(self, client: HttpClient) -> None:
        self._client = client

    async def name(self, key: str) -> bytes:
        return (await self._client.get(f"{URL}/{key}/name")).body

    async def price(self, key: str) -> bytes:
        return (await self._client.get(f"{URL}/{key}/price")).body


@router.get("/through-functions")
async def through_functions(http_client: HttpClientDep) -> bytes:
    upstream = Upstream(http_client)
    name = await upstream.name("a")
    price = await upstream.price("a")  # finds: sequential-awaits
    return name + price


@router.get("/expression")
async def expression(http_client: HttpClientDep) -> tuple[object, object]:
    return (
        await http_client.get(f"{URL}/1"),
        await http_client.get(f"{URL}/2"),  # finds: sequential-awaits
    )


@router.get("/loop")
async def loop(http_client: HttpClientDep, keys: str) -> int:
    total = 0
    for key in keys.split(","):
        answer = await http_client.get(f"{URL}/{key}")  # finds: sequential-awaits
        total += len(answer.body)
    return total


@router.get("/list")
async def in_a_list(http_client: HttpClientDep) -> int:
    answers = [await http_client.get(f"{URL}/{n}") for n in range(3)]  # finds: sequential-awaits
    return len(answers)


@router.get("/loop-through-functions")
async def loop_through_functions(http_client: HttpClientDep) -> list[bytes]:
    found = []
    upstream = Upstream(http_client)
    for key in ("a", "b"):
        found.append(await upstream.price(key))  # finds: sequential-awaits
    return found


@router.get("/untyped")
async def untyped(request: Request, url: str) -> int:
    first = await request.app.state.client.get(f"{url}/1")
    second = await request.app.state.client.get(f"{url}/2")  # finds: sequential-awaits
    return first.status + second.status
