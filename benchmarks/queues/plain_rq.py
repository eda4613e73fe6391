"""RQ: a job is kept with its state; it is repeated with pauses."""

import os

import counting
from redis import Redis
from rq import Queue, Retry
from rq.serializers import JSONSerializer

queue = Queue(connection=Redis.from_url(os.environ["BROKER_URL"]), serializer=JSONSerializer)
TASKS = {"noop": counting.noop, "wait": counting.wait}
RETRY = Retry(max=5, interval=[1, 2, 4, 8, 16])

if __name__ == "__main__":
    counting.enqueue(
        lambda kind, number: queue.enqueue(TASKS[kind], number, retry=RETRY, result_ttl=3600)
    )
