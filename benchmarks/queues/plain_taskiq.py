"""taskiq: acknowledged when the result is kept, repeated with pauses."""

import os

import uvloop
from counting import enqueue_async, noop_async, wait_async
from taskiq import AsyncBroker, SmartRetryMiddleware
from taskiq.serializers import JSONSerializer
from taskiq_aio_pika import AioPikaBroker
from taskiq_nats import PullBasedJetStreamBroker
from taskiq_pg.asyncpg import AsyncpgResultBackend
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

URL = os.environ["BROKER_URL"]


def make_broker() -> AsyncBroker:
    if URL.startswith("redis"):
        results = RedisAsyncResultBackend(URL, result_ex_time=3600, serializer=JSONSerializer())
        return RedisStreamBroker(URL, idle_timeout=10_000).with_result_backend(results)
    broker = (
        AioPikaBroker(URL, qos=10)
        if URL.startswith("amqp")
        else PullBasedJetStreamBroker(URL, subject="plain", stream_name="plain", durable="plain")
    )
    results = AsyncpgResultBackend(os.environ["RESULTS_URL"], serializer=JSONSerializer())
    return broker.with_result_backend(results)


retries = SmartRetryMiddleware(default_retry_count=5, use_delay_exponent=True, use_jitter=True)
broker = make_broker().with_middlewares(retries)
TASKS = {
    "noop": broker.task(task_name="noop", retry_on_error=True)(noop_async),
    "wait": broker.task(task_name="wait", retry_on_error=True)(wait_async),
}


async def main() -> None:
    await broker.startup()
    await enqueue_async(lambda kind, number: TASKS[kind].kiq(number))
    await broker.shutdown()


if __name__ == "__main__":
    uvloop.run(main())
