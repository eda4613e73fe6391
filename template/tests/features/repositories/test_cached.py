import httpx2

from tests.fixtures.upstream import Answer, Upstream


async def test_the_second_read_asks_nobody(client: httpx2.AsyncClient, github: Upstream) -> None:
    first = (await client.get("/repositories/acme/ships")).raise_for_status()
    github.asked.clear()

    second = await client.get("/repositories/Acme/Ships")

    assert (second.content, github.asked) == (first.content, [])


async def test_a_failure_is_not_kept(client: httpx2.AsyncClient, github: Upstream) -> None:
    kept = github.answers["/repos/acme/ships"]
    github.answers["/repos/acme/ships"] = Answer(status=500)
    assert (await client.get("/repositories/acme/ships")).status_code == 502
    github.answers["/repos/acme/ships"] = kept

    assert (await client.get("/repositories/acme/ships")).status_code == 200
