"""dramatiq: as it comes, with its results, which it can't keep in a database."""

import os

import counting
import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

URL = os.environ["BROKER_URL"]
broker = (
    RedisBroker(url=URL)
    if URL.startswith("redis")
    else RabbitmqBroker(url=URL, confirm_delivery=True)
)
broker.add_middleware(
    Results(backend=RedisBackend(url=os.environ["RESULTS_URL"]), store_results=True)
)
dramatiq.set_broker(broker)
TASKS = {
    "noop": dramatiq.actor(counting.noop, max_retries=5),
    "wait": dramatiq.actor(counting.wait, max_retries=5),
}

if __name__ == "__main__":
    counting.enqueue(lambda kind, number: TASKS[kind].send(number))
