"""Celery: late acknowledgement, a state that can be asked, repeated with pauses."""

import os

import counting
from celery import Celery

URL = os.environ["BROKER_URL"]
app = Celery("plain", broker=URL, backend=os.environ["RESULTS_URL"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_track_started=True,
    worker_prefetch_multiplier=1,
    result_expires=3600,
    broker_transport_options=(
        {"visibility_timeout": 30} if URL.startswith("redis") else {"confirm_publish": True}
    ),
)
TASKS = {
    name: app.task(
        name=name, autoretry_for=(Exception,), retry_backoff=True, retry_jitter=True, max_retries=5
    )(function)
    for name, function in (("noop", counting.noop), ("wait", counting.wait))
}

if __name__ == "__main__":
    counting.enqueue(lambda kind, number: TASKS[kind].delay(number))
