"""A limit for each client."""

import hashlib
import math
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.observability.health import PROBES
from app.core.problem import problem_response
from app.core.rate_limit.contract import Counter, RateLimitSettings
from app.core.rate_limit.windows import window_of


class RateLimitMiddleware:
    """Answer 429 to who asks too often, and tell everybody how much is left.

    The headers are those of draft-ietf-httpapi-ratelimit-headers.
    """

    def __init__(self, app: ASGIApp, settings: RateLimitSettings) -> None:
        self.app = app
        self.limit = settings.rate_limit_requests
        self.seconds = settings.rate_limit_window_seconds
        self.header = settings.rate_limit_header.lower().encode()
        self.policy = (
            b"ratelimit-policy",
            f'"default";q={self.limit};w={self.seconds}'.encode(),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in PROBES:
            await self.app(scope, receive, send)
            return

        counter: Counter = scope["state"]["counter"]
        used = await counter.add(self.client_of(scope))
        _, share = window_of(self.seconds)
        left = 0 if used is None else math.floor(self.limit - used)
        reset = math.ceil(self.seconds * (1 - share))
        headers = (self.policy, (b"ratelimit", f'"default";r={left};t={reset}'.encode()))

        async def send_with_limit(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        if used is not None:
            await self.app(scope, receive, send_with_limit)
            return
        response = problem_response(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"More than {self.limit} requests in {self.seconds} s.",
            headers={"Retry-After": str(reset)},
        )
        await response(scope, receive, send_with_limit)

    def client_of(self, scope: Scope) -> str:
        """Name a client. A key is a secret, so its digest is counted."""
        if self.header:
            for name, value in scope["headers"]:
                if name == self.header:
                    return hashlib.blake2b(value, digest_size=16).hexdigest()
        client = scope.get("client")
        return client[0] if client else "-"
