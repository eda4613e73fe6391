"""What a service with workers has to notice about its tasks."""

from deep.unplugging import Unplugging

TASKS = "app/core/tasks"
TESTS = "tests/core/test_tasks.py"
LEASES = "tests/core/test_leases.py"
RUNNER = "tests/core/test_runner.py"

# Whatever carries tasks and keeps account of them.
TASK_FAULTS = {
    "repetition": Unplugging(
        f"{TASKS}/runner.py",
        "        if attempt >= task.max_attempts:\n",
        "        if True:\n",
        TESTS,
    ),
    "end of the repetitions": Unplugging(
        f"{TASKS}/runner.py",
        "        if attempt >= task.max_attempts:\n",
        "        if False:\n",
        TESTS,
    ),
    "errors that are fatal": Unplugging(
        f"{TASKS}/runner.py",
        "        if isinstance(error, task.fatal):\n",
        "        if False:\n",
        TESTS,
    ),
    "pauses that double": Unplugging(f"{TASKS}/retrying.py", " * 2 ** (attempt - 1)", "", TESTS),
    "end of a worker without its ledger": Unplugging(
        f"{TASKS}/runner.py",
        "        self.is_ending = True\n        while self.running:\n",
        "        while self.running:\n",
        RUNNER,
    ),
    "notes that are tried again": Unplugging(
        f"{TASKS}/retrying.py", "            if gives_up():\n", "            if True:\n", RUNNER
    ),
    "time limit of a task": Unplugging(
        f"{TASKS}/runner.py", "asyncio.timeout(seconds)", "asyncio.timeout(None)", TESTS
    ),
    "request of a task": Unplugging(
        f"{TASKS}/runner.py", "        request_id.set(message.request_id)\n", "", TESTS
    ),
    "tasks of a newer version": Unplugging(
        f"{TASKS}/runner.py",
        "            await self.ledger.hand_back(started, UNKNOWN_SECONDS)\n",
        "            await self.ledger.succeed(started)\n",
        TESTS,
    ),
    "tasks whose time has come": Unplugging(
        f"{TASKS}/working.py",
        "        asyncio.create_task(regularly(poll, lambda: send_due(broker, runner), ended)),\n",
        "",
        TESTS,
    ),
    "what can't be sent": Unplugging(
        f"{TASKS}/broker.py", "        await self.ledger.not_sent(ids)\n", "", TESTS
    ),
    "patience of a request with a transport": Unplugging(
        f"{TASKS}/broker.py",
        "        if self._breaker.allows():\n",
        "        if True:\n",
        TESTS,
    ),
    "trips for many": Unplugging(
        f"{TASKS}/together.py",
        "self._waiting[: self._limit], self._waiting[self._limit :]",
        "self._waiting[:1], self._waiting[1:]",
        "tests/core/test_together.py",
    ),
    "patience for those who ask at the same moment": Unplugging(
        f"{TASKS}/together.py",
        "            await asyncio.sleep(0)\n",
        "",
        "tests/core/test_together.py",
    ),
    "what comes after who asked alone": Unplugging(
        f"{TASKS}/together.py",
        "            self._is_led = False\n            self._start()\n",
        "            self._is_led = False\n"
        "            if len(self._waiting) > 1:\n"
        "                self._start()\n",
        "tests/core/test_together.py",
    ),
    "pause after a trip": Unplugging(
        f"{TASKS}/together.py",
        "await asyncio.sleep(self._pause_seconds)",
        "pass",
        "tests/core/test_together.py",
    ),
    "fewer trips to a transport": Unplugging(
        f"{TASKS}/broker.py", "BATCH, PAUSE_SECONDS)", "BATCH)", RUNNER
    ),
    "room while it is noted": Unplugging(
        f"{TASKS}/runner.py",
        "                current.is_over.set_result(None)\n",
        "                pass\n",
        RUNNER,
    ),
    "bound of what is to be noted": Unplugging(
        f"{TASKS}/runner.py",
        "            if len(self.running) <= 2 * self.settings.task_workers:\n",
        "            if True:\n",
        RUNNER,
    ),
    "notes at the end": Unplugging(
        f"{TASKS}/working.py", "        await runner.settle()\n", "", RUNNER
    ),
    "room of a worker": Unplugging(
        f"{TASKS}/runner.py",
        "asyncio.Semaphore(self.settings.task_workers)",
        "asyncio.Semaphore(1000)",
        RUNNER,
    ),
    "start before there is room": Unplugging(
        f"{TASKS}/runner.py",
        "            if self.room.locked() and self.is_quick:\n",
        "            if False:\n",
        RUNNER,
    ),
    "start after a slow one": Unplugging(
        f"{TASKS}/runner.py",
        "            self.is_quick = False\n",
        "",
        RUNNER,
    ),
    "patience of what was started": Unplugging(
        f"{TASKS}/runner.py", "asyncio.timeout(PATIENCE_SECONDS)", "asyncio.timeout(None)", RUNNER
    ),
    "keys of what is scheduled": Unplugging(
        f"{TASKS}/schedule.py", ", key=moment.isoformat()", "", "tests/core/test_schedule.py"
    ),
    "status of a task": Unplugging(
        "app/core/application.py",
        "    add_routes(app, task_status.router)\n",
        "",
        "tests/core/test_task_status.py",
    ),
    "task after a write": Unplugging(
        "app/features/posts/endpoints.py",
        "        await enqueue_within(transaction, broker, count_words(post.id))\n",
        "",
        "tests/features/posts/test_endpoints.py",
    ),
    "file that goes with its posts": Unplugging(
        "app/features/posts/importer.py",
        "            await session.delete(kept)\n",
        "",
        "tests/features/posts/test_imports.py",
    ),
}
# In the process of the service.
LOCAL_TASK_FAULTS = {
    "drain of the tasks": Unplugging(
        f"{TASKS}/transport.py",
        "            await self._queue.join()\n",
        "",
        "tests/core/test_local_tasks.py",
    ),
    "end of the drain": Unplugging(
        f"{TASKS}/runner.py",
        "                work.cancel()\n",
        "                pass\n",
        "tests/core/test_local_tasks.py",
    ),
    "room for tasks": Unplugging(
        f"{TASKS}/ledger.py",
        "            await self._room.acquire()\n",
        "            pass\n",
        "tests/core/test_local_tasks.py",
    ),
    "tasks that enqueue tasks": Unplugging(
        f"{TASKS}/ledger.py", "        in_task.set(True)\n", "", "tests/core/test_local_tasks.py"
    ),
    "bounds of the history": Unplugging(
        f"{TASKS}/ledger.py", "        self._forget()\n", "", "tests/core/test_local_tasks.py"
    ),
    "one who keeps time": Unplugging(
        f"{TASKS}/ledger.py",
        "        except BlockingIOError:\n            return False\n",
        "        except BlockingIOError:\n            return True\n",
        "tests/core/test_local_tasks.py",
    ),
}
# With an outbox, and workers.
WORKER_FAULTS = {
    "renewal of leases": Unplugging(
        f"{TASKS}/working.py",
        "regularly(broker.ledger.renewal_seconds, runner.renew, ended)",
        "ended.wait()",
        LEASES,
    ),
    "end of leases": Unplugging(
        f"{TASKS}/ledger.py",
        "(TaskState.WAITING, TaskState.RUNNING)",
        "(TaskState.WAITING,)",
        LEASES,
    ),
    "what got lost on its way": Unplugging(
        f"{TASKS}/ledger.py", "[TaskState.QUEUED] * with_sent", "[]", LEASES
    ),
    "patience with those who are busy": Unplugging(
        f"{TASKS}/working.py", "with_sent=has_time", "with_sent=True", LEASES
    ),
    "say of who lost a lease": Unplugging(
        f"{TASKS}/statements.py",
        "tuple_(TaskRow.id, TaskRow.attempts)",
        "tuple_(TaskRow.id, bindparam('attempt0'))",
        LEASES,
    ),
    "what comes twice at once": Unplugging(
        f"{TASKS}/ledger.py", "found.pop(task_id, None)", "found.get(task_id)", LEASES
    ),
    "all that is in hand": Unplugging(
        f"{TASKS}/ledger.py", "range(0, len(running), TOGETHER)", "range(1)", LEASES
    ),
    "what kills its workers": Unplugging(
        f"{TASKS}/runner.py",
        "        if started.attempt > task.max_attempts:\n",
        "        if False:\n",
        LEASES,
    ),
    "what is handed back": Unplugging(
        f"{TASKS}/runner.py", "        await self.ledger.hand_back(started, 0)\n", "", LEASES
    ),
    "what succeeded long ago": Unplugging(
        f"{TASKS}/ledger.py",
        "TaskRow.state == TaskState.SUCCEEDED, TaskRow.next_at <= now",
        "TaskRow.state == TaskState.DEAD, TaskRow.next_at <= now",
        LEASES,
    ),
    "transaction of a task": Unplugging(
        f"{TASKS}/within.py",
        "            await transaction.execute(ADD.statement, row)\n",
        "            await broker.enqueue_message(message, after_seconds)\n",
        "tests/core/test_within.py",
    ),
    "tasks that run in workers": Unplugging(
        "app/core/lifespan.py",
        '        working(state["broker"], settings, state) as runner,\n',
        '        __import__("contextlib").nullcontext(state["broker"]) as runner,\n',
        "tests/core/test_worker.py",
    ),
    "dead letters at a terminal": Unplugging(
        f"{TASKS}/dead_letters.py",
        "        if await ledger.replay(task_id):\n",
        "        if task_id:\n",
        "tests/core/test_dead_letters.py",
    ),
    "reception": Unplugging(
        f"{TASKS}/carrier.py",
        "        listening = asyncio.create_task(receiver.listen(ended))\n",
        "        listening = asyncio.create_task(ended.wait())\n",
        "tests/core/test_transport.py",
    ),
}
