"""Whole responses that are kept: a hit needs neither dependencies nor what they read."""

import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from pydantic import TypeAdapter
from starlette.convertors import StringConvertor

from app.core.cache.cache import Cache
from app.core.cache.kept import KeptResponse, is_keepable, pack
from app.core.cache.keys import digest, fingerprint
from app.core.cache.loading import Served

P = ParamSpec("P")
R = TypeVar("R")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Caller = Callable[[Request], Awaitable[str]]

# What says who asks, unless a route says otherwise.
CREDENTIALS = frozenset({b"authorization", b"cookie", b"x-api-key"})
# A longer key is replaced by its digest.
LONGEST_KEY = 200


async def everyone(_request: Request) -> str:
    """Say that all get the same response, whatever credentials they send."""
    return ""


@dataclass(frozen=True)
class Policy:
    """What a response depends on, and for how long it is good."""

    key: str
    tags: Sequence[str]
    query: Sequence[str]
    caller: Caller | None
    ttl_seconds: float | None
    stale_seconds: float | None
    max_age_seconds: int


POLICIES: dict[Callable[..., Any], Policy] = {}


def cached(
    key: str,
    *,
    tags: Sequence[str] = (),
    query: Sequence[str] = (),
    caller: Caller | None = None,
    ttl_seconds: float | None = None,
    stale_seconds: float | None = None,
    max_age_seconds: int = 0,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep the response of an endpoint, under a key with its path parameters: `post:{post_id}`.

    It stands below `@router.get(…)`, on a router with `route_class=CachedRoute`. To forget what is
    kept, `cache.invalidate` the key or a tag, filled in.

    `query` names the parameters of the query that the response depends on; others are ignored.
    `caller` gives what it depends on of who asks, a user's id, say; or it is `everyone`. It is all
    that runs before a hit, so it has to authenticate. Without it, requests with credentials are
    neither answered from the cache nor kept in it.

    Clients and proxies may keep the response for `max_age_seconds`, and hear of no change
    meanwhile. With 0 they ask each time, and get a 304 if theirs is still good.
    """
    policy = Policy(key, tags, query, caller, ttl_seconds, stale_seconds, max_age_seconds)

    def keep(endpoint: Callable[P, R]) -> Callable[P, R]:
        POLICIES[endpoint] = policy
        return endpoint

    return keep


class CachedRoute(APIRoute):
    """A route whose endpoint may be `cached`."""

    def get_route_handler(self) -> Handler:
        """Answer from the cache, where that is asked for."""
        handler = super().get_route_handler()
        policy = POLICIES.get(self.endpoint)
        if policy is None:
            return handler
        check(policy, self)
        version = fingerprint(TypeAdapter(self.response_model))
        return KeptResponses(policy, handler, version).answer


def check(policy: Policy, route: APIRoute) -> None:
    """Raise a `TypeError` for what would give somebody a response that is another one's."""
    if route.methods != {"GET"}:
        raise TypeError(f"{route.path}: only what is asked with GET can be cached")
    parts = [*dependants(route.dependant)]
    asked = {field.alias for part in parts for field in part.query_params}
    if missing := asked - {*policy.query}:
        raise TypeError(f"{route.path}: it depends on the query, so add query={sorted(missing)}")
    is_personal = any(
        part.header_params or part.cookie_params or isinstance(part.call, SecurityBase)
        for part in parts
    )
    if is_personal and policy.caller in {None, everyone}:
        raise TypeError(f"{route.path}: it depends on who asks, so add `caller`")
    for field in (field for part in parts for field in part.path_params):
        kind, convertor = field.field_info.annotation, route.param_convertors.get(field.alias)
        if kind is not str and type(convertor) is StringConvertor:
            # 7 and 07 would be one post and two keys, of which one is never forgotten.
            raise TypeError(f"{route.path}: give `{field.alias}` a convertor, such as `:int`")


def dependants(dependant: Dependant) -> Iterator[Dependant]:
    """Walk through all that an endpoint depends on."""
    yield dependant
    for each in dependant.dependencies:
        yield from dependants(each)


class NotKept(Exception):
    """The response is one client's alone."""


class KeptResponses:
    """The responses of a route."""

    def __init__(self, policy: Policy, handler: Handler, version: str) -> None:
        self._policy = policy
        self._handler = handler
        self._version = version

    async def answer(self, request: Request) -> Response:
        """Answer from the cache, and keep there what it doesn't have."""
        policy, scope = self._policy, request.scope
        cache: Cache = scope["state"]["cache"]
        headers: dict[bytes, bytes] = dict(scope["headers"])
        etags = headers.get(b"if-none-match")
        if policy.caller is None and not CREDENTIALS.isdisjoint(headers):
            response = await self._handler(request)
            if not is_keepable(response):
                return response
            packed = pack(prepare(response, policy, is_public=False))
            return KeptResponse(packed, f"{cache.service_name}; fwd=bypass", etags)

        key, names = await self._names(request)
        own: Response | None = None
        is_leader = False

        async def load() -> bytes:
            nonlocal own, is_leader
            is_leader = True
            response = await self._load(request)
            if is_keepable(response):
                return pack(prepare(response, policy, is_public=policy.caller in {None, everyone}))
            own = response
            raise NotKept

        try:
            served = await cache.serve(
                key,
                load,
                tags=names,
                ttl_seconds=policy.ttl_seconds,
                stale_seconds=policy.stale_seconds,
            )
        except NotKept:
            # Whoever waited for somebody else's makes one of his own.
            return await self._handler(request) if own is None else own
        how = said(served, is_leader=is_leader)
        return KeptResponse(served.entry.value or b"", f"{cache.service_name}; {how}", etags)

    async def _names(self, request: Request) -> tuple[str, Sequence[str]]:
        """Give the key, and the names under which it can be forgotten: its own is the first."""
        policy = self._policy
        parts = {
            name: quote(value, safe="") if isinstance(value, str) else value
            for name, value in request.path_params.items()
        }
        names = [template.format_map(parts) for template in (policy.key, *policy.tags)]
        key = f"{names[0]}#{self._version}"
        if policy.query:
            asked = request.query_params.multi_items()
            key += "?" + urlencode(sorted(pair for pair in asked if pair[0] in policy.query))
        if policy.caller is not None:
            key += "@" + await policy.caller(request)
        if len(key) > LONGEST_KEY:
            key = f"{names[0].partition(':')[0]}:{digest(key.encode())}"
        return key, names

    async def _load(self, request: Request) -> Response:
        """Have the endpoint answer, with dependencies that end with the load, not the request."""
        async with AsyncExitStack() as request_stack, AsyncExitStack() as function_stack:
            scope = {
                **request.scope,
                "fastapi_inner_astack": request_stack,
                "fastapi_function_astack": function_stack,
            }
            return await self._handler(Request(scope))


def prepare(response: Response, policy: Policy, *, is_public: bool) -> Response:
    """Say who may keep a response, and for how long, unless the endpoint did."""
    age = f"max-age={policy.max_age_seconds}" if policy.max_age_seconds else "no-cache"
    who = "public" if is_public else "private"
    response.headers.setdefault("cache-control", f"{who}, {age}")
    if policy.caller is not everyone:
        response.headers.add_vary_header("Authorization, Cookie")
    return response


def said(served: Served, *, is_leader: bool) -> str:
    """Say where a response comes from, as RFC 9211 has it. The time of a stale one is negative."""
    if served.how == "loaded":
        return f"fwd=miss; {'stored' if is_leader else 'collapsed'}"
    return f"hit; ttl={served.entry.fresh_until - time.time():.0f}"
