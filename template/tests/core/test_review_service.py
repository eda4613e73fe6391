"""What a reviewer looks for in the service as it is served: `app/main.py` is yours to change."""

import pytest
from fastapi import FastAPI

from tests.fixtures.planting import line_of
from tests.fixtures.served import CREATED
from tests.review.judging import report
from tests.review.serving import MAIN, probed

OWN = """
from fastapi import FastAPI
from app.api import routers
from app.core.lifespan import open_state
from app.settings import Settings

settings = Settings()
app = FastAPI(lifespan=lambda _: open_state(settings))
for router in routers:
    app.include_router(router)
"""
SAME = CREATED.format(settings="")
WITHOUT = f"""{SAME}
layers = app.user_middleware
layers[:] = [layer for layer in layers if layer.cls.__name__ != "%s"]
"""
LAYER = f"""{SAME}
class Layer:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            %s
        await self.app(scope, receive, send)

app.add_middleware(Layer)
"""
OVERRIDDEN = f"""{SAME}
from app.core.http_client.client import get_web_client
app.dependency_overrides[get_web_client] = object
"""
TASKS = f"""{SAME}
from app.core.tasks.broker import get_broker
from app.core.tasks.task import TASKS

class Eager:
    async def enqueue(self, call):
        await TASKS[call.name].function(None, *call.args)
        return "1"

class Forgetful:
    async def enqueue(self, call):
        return "1"

class Broken:
    pass

app.dependency_overrides[get_broker] = %s
"""
SILENT = f"""{SAME}
import logging
logging.disable(logging.CRITICAL)
"""


async def test_it_is_as_it_should_be(main: FastAPI, source: str) -> None:
    report(await probed(main, source))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (OWN, "uncompressed-answer"),
        (WITHOUT % "CompressionMiddleware", "uncompressed-answer"),
        (CREATED.format(settings="compression_min_bytes=10**9"), "uncompressed-answer"),
        (LAYER % "scope['headers'] = []", "uncompressed-answer"),
        (OWN, "unwatched-request: a request that fails isn't logged"),
        (OWN, "unwatched-request: a request that fails isn't counted"),
        (OWN, "unwatched-request: `/health` says 404"),
        (WITHOUT % "EnvelopeMiddleware", "unwatched-request: an answer bears no request id"),
        (LAYER % "pass", "unwatched-request: `Layer` stands outside of all"),
        (SILENT, "unwatched-request: a request that fails isn't logged"),
        (LAYER % "scope['state']['http_client'] = Layer(None)", "unshared-client: each request"),
        (LAYER % "scope['state']['cpu'] = Layer(None)", "each request gets a `cpu` of its own"),
        (LAYER % "scope['state'] = {}", "unshared-client: a handler doesn't get"),
        (TASKS % "Eager", "unqueued-task: a request waits for the task"),
        (TASKS % "Forgetful", "unqueued-task: a task that is enqueued is never run"),
        (TASKS % "Broken", "unqueued-task: a request that enqueues a task ends with 500"),
        (OVERRIDDEN, "unshared-client: each request gets a `web_client` of its own"),
    ],
)
async def test_what_is_missing_is_named(main: FastAPI, source: str, said: str) -> None:
    found = await probed(main, source)

    assert any(said in f"{each.guard}: {each.what}" for each in found), found
    assert {(each.path, each.line) for each in found} == {(MAIN, line_of(source, "app ="))}
