"""URLs that come from anybody: what they must not lead to."""

from collections.abc import AsyncGenerator
from socket import AF_INET

import pytest
from aiohttp import DefaultResolver
from aiohttp.abc import ResolveResult

from app.core.errors import BadGateway
from app.core.http_client import addresses
from app.core.http_client.addresses import is_public
from app.core.http_client.answer import UrlRefused
from app.core.http_client.client import HttpClient, open_web_client
from app.core.http_client.session import HttpClientSettings
from tests.fixtures.upstream import Answer, Upstream

PUBLIC = ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
NOT_PUBLIC = [
    *("127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
    *("0.0.0.1", "100.64.0.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%lo", "fc00::1", "fd00:ec2::254", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    *("2002:101:101::", "2002:7f00:1::", "2002:c0a8:101::", "2001:0:0:0:0:0:f5ff:fffe"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_that_anybody_reaches(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_depends_on_the_place(address: str) -> None:
    assert not is_public(address)


@pytest.fixture
async def web_client() -> AsyncGenerator[HttpClient]:
    async with open_web_client(HttpClientSettings()) as web_client:
        yield web_client


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "LOCALHOST", "127.1", "2130706433", "0x7f.1", "0177.0.0.1"),
        *("0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "user:pw@127.0.0.1", "①②⑦.0.0.1"),
    ],
)
async def test_nobody_gets_to_the_service_itself(
    web_client: HttpClient, upstream: Upstream, host: str
) -> None:
    port = upstream.url.rpartition(":")[2]

    with pytest.raises(UrlRefused):
        await web_client.get(f"http://{host}:{port}/ships")

    assert upstream.asked == []
    assert web_client.stats()["retries"] == 0


async def test_a_name_is_judged_by_what_it_resolves_to(
    web_client: HttpClient, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(upstream.url.rpartition(":")[2])

    async def resolve(*_: object, **__: object) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname="innocent", host=host, port=port, family=AF_INET, proto=0, flags=0
            )
            for host in ("127.0.0.1", "127.0.0.2")
        ]

    monkeypatch.setattr(DefaultResolver, "resolve", resolve)
    with pytest.raises(UrlRefused):
        await web_client.get(f"http://innocent.example:{port}/ships")

    assert upstream.asked == []


async def test_a_redirect_is_judged_like_the_first_url(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    # For once, the first address is one for all; what it redirects to isn't.
    monkeypatch.setattr(addresses, "is_public", "127.0.0.1".__eq__)
    inner = upstream.url.replace("127.0.0.1", "127.0.0.2")
    upstream.answers["/inner"] = Answer(status=302, headers={"Location": f"{inner}/secret"})
    upstream.answers["/file"] = Answer(status=302, headers={"Location": "file:///etc/passwd"})
    upstream.answers["/ships"] = Answer()
    async with open_web_client(HttpClientSettings()) as web_client:
        assert (await web_client.get(f"{upstream.url}/ships")).status == 200
        with pytest.raises(UrlRefused):
            await web_client.get(f"{upstream.url}/inner")
        with pytest.raises(BadGateway):
            await web_client.get(f"{upstream.url}/file")

    assert upstream.asked == ["/ships", "/inner", "/file"]


async def test_strangers_learn_nothing_of_the_request(upstream: Upstream) -> None:
    upstream.answers["/ships"] = Answer()
    settings = HttpClientSettings(http_private_addresses=True)
    async with open_web_client(settings) as web_client:
        await web_client.get(f"{upstream.url}/ships")

    (request,) = upstream.requests
    assert not {"X-Request-ID", "X-Request-Timeout"} & set(request.headers)
