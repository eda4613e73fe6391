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
        f"{TESTS}::test_a_task_that_fails_is_repeated",
    ),
    "end of the repetitions": Unplugging(
        f"{TASKS}/runner.py",
        "        if attempt >= task.max_attempts:\n",
        "        if False:\n",
        f"{TESTS}::test_a_task_that_fails_again_and_again_is_a_dead_letter",
    ),
    "errors that are fatal": Unplugging(
        f"{TASKS}/runner.py",
        "        if isinstance(error, task.fatal):\n",
        "        if False:\n",
        f"{TESTS}::test_what_is_fatal_is_not_tried_again",
    ),
    "pauses that double": Unplugging(
        f"{TASKS}/retrying.py",
        " * 2 ** (attempt - 1)",
        "",
        f"{TESTS}::test_pauses_double_and_differ",
    ),
    "end of a worker without its ledger": Unplugging(
        f"{TASKS}/runner.py",
        "        self.is_ending = True\n        while self.running:\n",
        "        while self.running:\n",
        f"{RUNNER}::test_the_end_does_not_wait_for_a_ledger_that_is_away",
    ),
    "notes that are tried again": Unplugging(
        f"{TASKS}/retrying.py",
        "            if gives_up():\n",
        "            if True:\n",
        f"{RUNNER}::test_what_succeeded_while_the_ledger_was_away_is_noted_later_and_not_run_again",
    ),
    "time limit of a task": Unplugging(
        f"{TASKS}/runner.py",
        "asyncio.timeout(seconds)",
        "asyncio.timeout(None)",
        f"{TESTS}::test_what_takes_too_long_or_is_cancelled_has_failed",
    ),
    "request of a task": Unplugging(
        f"{TASKS}/runner.py",
        "        request_id.set(message.request_id)\n",
        "",
        f"{TESTS}::test_a_task_knows_the_request_that_enqueued_it",
    ),
    "tasks of a newer version": Unplugging(
        f"{TASKS}/runner.py",
        "            await self.ledger.hand_back(started, UNKNOWN_SECONDS)\n",
        "            await self.ledger.succeed(started)\n",
        f"{TESTS}::test_a_task_that_nobody_knows_here_waits_for_who_does",
    ),
    "tasks whose time has come": Unplugging(
        f"{TASKS}/working.py",
        "        asyncio.create_task(regularly(poll, lambda: send_due(broker, runner), ended)),\n",
        "",
        f"{TESTS}::test_a_task_that_fails_is_repeated",
    ),
    "what can't be sent": Unplugging(
        f"{TASKS}/broker.py",
        "        await self.ledger.not_sent(ids)\n",
        "",
        f"{TESTS}::test_what_can_not_be_sent_is_sent_later",
    ),
    "patience of a request with a transport": Unplugging(
        f"{TASKS}/broker.py",
        "        if self._breaker.allows():\n",
        "        if True:\n",
        f"{TESTS}::test_what_can_not_be_sent_is_sent_later",
    ),
    "trips for many": Unplugging(
        f"{TASKS}/together.py",
        "self._waiting[: self._limit], self._waiting[self._limit :]",
        "self._waiting[:1], self._waiting[1:]",
        "tests/core/test_together.py::test_those_who_ask_at_once_share_a_trip",
    ),
    "patience for those who ask at the same moment": Unplugging(
        f"{TASKS}/together.py",
        "            await asyncio.sleep(0)\n",
        "",
        "tests/core/test_together.py::test_those_who_ask_at_once_share_a_trip",
    ),
    "what comes after who asked alone": Unplugging(
        f"{TASKS}/together.py",
        "            self._is_led = False\n            self._start()\n",
        "            self._is_led = False\n"
        "            if len(self._waiting) > 1:\n"
        "                self._start()\n",
        "tests/core/test_together.py::test_who_asks_alone_and_is_cancelled_leaves_nobody_behind",
    ),
    "pause after a trip": Unplugging(
        f"{TASKS}/together.py",
        "await asyncio.sleep(self._pause_seconds)",
        "pass",
        "tests/core/test_together.py::test_a_pause_after_a_trip_makes_them_fewer",
    ),
    "fewer trips to a transport": Unplugging(
        f"{TASKS}/broker.py",
        "BATCH, PAUSE_SECONDS)",
        "BATCH)",
        f"{RUNNER}::test_what_is_enqueued_one_by_one_is_sent_in_a_few_trips",
    ),
    "room while it is noted": Unplugging(
        f"{TASKS}/runner.py",
        "                current.is_over.set_result(None)\n",
        "                pass\n",
        f"{RUNNER}::test_the_next_one_runs_while_it_is_noted_that_one_succeeded",
    ),
    "bound of what is to be noted": Unplugging(
        f"{TASKS}/runner.py",
        "            if len(self.running) <= 2 * self.settings.task_workers:\n",
        "            if True:\n",
        f"{RUNNER}::test_the_next_one_runs_while_it_is_noted_that_one_succeeded",
    ),
    "notes at the end": Unplugging(
        f"{TASKS}/working.py",
        "        await runner.settle()\n",
        "",
        f"{RUNNER}::test_the_end_waits_until_it_is_noted",
    ),
    "room of a worker": Unplugging(
        f"{TASKS}/runner.py",
        "asyncio.Semaphore(self.settings.task_workers)",
        "asyncio.Semaphore(1000)",
        f"{RUNNER}::test_no_more_run_at_once_than_there_are_workers",
    ),
    "start before there is room": Unplugging(
        f"{TASKS}/runner.py",
        "            if self.room.locked() and self.is_quick:\n",
        "            if False:\n",
        f"{RUNNER}::test_what_was_started_too_early_is_left_to_another",
    ),
    "start after a slow one": Unplugging(
        f"{TASKS}/runner.py",
        "            self.is_quick = False\n",
        "",
        f"{RUNNER}::test_what_was_started_too_early_is_left_to_another",
    ),
    "patience of what was started": Unplugging(
        f"{TASKS}/runner.py",
        "asyncio.timeout(PATIENCE_SECONDS)",
        "asyncio.timeout(None)",
        f"{RUNNER}::test_what_was_started_too_early_is_left_to_another",
    ),
    "keys of what is scheduled": Unplugging(
        f"{TASKS}/schedule.py",
        ", key=moment.isoformat()",
        "",
        "tests/core/test_schedule.py::test_what_is_scheduled_is_enqueued_once_by_all_processes",
    ),
    "status of a task": Unplugging(
        "app/core/application.py",
        "    add_routes(app, task_status.router)\n",
        "",
        "tests/core/test_task_status.py::test_everybody_may_ask_how_far_a_task_is",
    ),
    "task after a write": Unplugging(
        "app/features/posts/endpoints.py",
        "        await enqueue_within(transaction, broker, count_words(post.id))\n",
        "",
        "tests/features/posts/test_endpoints.py::test_the_words_are_counted_in_the_background",
    ),
    "file that goes with its posts": Unplugging(
        "app/features/posts/importer.py",
        "            await session.delete(kept)\n",
        "",
        "tests/features/posts/test_imports.py"
        "::test_a_file_is_stored_by_a_task_and_its_status_tells",
    ),
}
# In the process of the service.
LOCAL_TASK_FAULTS = {
    "drain of the tasks": Unplugging(
        f"{TASKS}/transport.py",
        "            await self._queue.join()\n",
        "",
        "tests/core/test_local_tasks.py::test_the_end_waits_for_all_tasks",
    ),
    "end of the drain": Unplugging(
        f"{TASKS}/runner.py",
        "                work.cancel()\n",
        "                pass\n",
        "tests/core/test_local_tasks.py"
        "::test_the_end_does_not_wait_for_ever_and_names_what_is_lost",
    ),
    "room for tasks": Unplugging(
        f"{TASKS}/ledger.py",
        "            await self._room.acquire()\n",
        "            pass\n",
        "tests/core/test_local_tasks.py::test_a_request_waits_while_too_many_tasks_do",
    ),
    "tasks that enqueue tasks": Unplugging(
        f"{TASKS}/ledger.py",
        "        in_task.set(True)\n",
        "",
        "tests/core/test_local_tasks.py::test_a_task_may_enqueue_more_than_may_wait",
    ),
    "bounds of the history": Unplugging(
        f"{TASKS}/ledger.py",
        "        self._forget()\n",
        "",
        "tests/core/test_local_tasks.py::test_no_more_is_remembered_than_the_settings_say",
    ),
    "one who keeps time": Unplugging(
        f"{TASKS}/ledger.py",
        "        except BlockingIOError:\n            return False\n",
        "        except BlockingIOError:\n            return True\n",
        "tests/core/test_local_tasks.py::test_one_process_of_several_keeps_time",
    ),
}
# With an outbox, and workers.
WORKER_FAULTS = {
    "renewal of leases": Unplugging(
        f"{TASKS}/working.py",
        "regularly(broker.ledger.renewal_seconds, runner.renew, ended)",
        "ended.wait()",
        f"{LEASES}::test_what_takes_long_stays_with_the_one_that_has_it",
    ),
    "end of leases": Unplugging(
        f"{TASKS}/ledger.py",
        "(TaskState.WAITING, TaskState.RUNNING)",
        "(TaskState.WAITING,)",
        f"{LEASES}::test_what_a_worker_had_in_hand_when_it_died_is_run_by_another",
    ),
    "what got lost on its way": Unplugging(
        f"{TASKS}/ledger.py",
        "[TaskState.QUEUED] * with_sent",
        "[]",
        f"{LEASES}::test_what_got_lost_on_its_way_is_sent_again_and_less_and_less_often",
    ),
    "patience with those who are busy": Unplugging(
        f"{TASKS}/working.py",
        "with_sent=has_time",
        "with_sent=True",
        f"{LEASES}::test_what_waits_for_its_turn_is_not_sent_again",
    ),
    "say of who lost a lease": Unplugging(
        f"{TASKS}/statements.py",
        "tuple_(TaskRow.id, TaskRow.attempts)",
        "tuple_(TaskRow.id, bindparam('attempt0'))",
        f"{LEASES}::test_a_worker_that_lost_its_lease_has_no_say",
    ),
    "what comes twice at once": Unplugging(
        f"{TASKS}/ledger.py",
        "found.pop(task_id, None)",
        "found.get(task_id)",
        f"{LEASES}::test_a_process_starts_what_comes_twice_at_once_only_once",
    ),
    "all that is in hand": Unplugging(
        f"{TASKS}/ledger.py",
        "range(0, len(running), TOGETHER)",
        "range(1)",
        f"{LEASES}::test_what_is_in_hand_is_renewed_and_done_together",
    ),
    "what kills its workers": Unplugging(
        f"{TASKS}/runner.py",
        "        if started.attempt > task.max_attempts:\n",
        "        if False:\n",
        f"{LEASES}::test_what_kills_whoever_runs_it_is_a_dead_letter",
    ),
    "what is handed back": Unplugging(
        f"{TASKS}/runner.py",
        "        await self.ledger.hand_back(started, 0)\n",
        "",
        f"{LEASES}::test_a_worker_that_ends_hands_back_what_it_can_not_finish",
    ),
    "what succeeded long ago": Unplugging(
        f"{TASKS}/ledger.py",
        "TaskRow.state == TaskState.SUCCEEDED, TaskRow.next_at <= now",
        "TaskRow.state == TaskState.DEAD, TaskRow.next_at <= now",
        f"{LEASES}::test_what_succeeded_is_forgotten_after_a_time",
    ),
    "transaction of a task": Unplugging(
        f"{TASKS}/within.py",
        "            await transaction.execute(ADD.statement, row)\n",
        "            await broker.enqueue_message(message, after_seconds)\n",
        "tests/core/test_within.py::test_a_commit_enqueues_it",
    ),
    "tasks that run in workers": Unplugging(
        "app/core/lifespan.py",
        '        working(state["broker"], settings, state) as runner,\n',
        '        __import__("contextlib").nullcontext(state["broker"]) as runner,\n',
        "tests/core/test_worker.py::test_workers_that_are_killed_twice_lose_nothing",
    ),
    "dead letters at a terminal": Unplugging(
        f"{TASKS}/dead_letters.py",
        "        if await ledger.replay(task_id):\n",
        "        if task_id:\n",
        "tests/core/test_dead_letters.py::test_they_are_listed_and_replayed",
    ),
    "reception": Unplugging(
        f"{TASKS}/carrier.py",
        "        listening = asyncio.create_task(receiver.listen(ended))\n",
        "        listening = asyncio.create_task(ended.wait())\n",
        "tests/core/test_transport.py::test_all_that_is_sent_comes",
    ),
}
