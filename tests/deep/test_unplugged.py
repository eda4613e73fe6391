"""What is wired is alive: whoever unplugs it is told by a test of the service itself."""

import re
import shutil
from collections.abc import Callable, Generator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from deep.edge_faults import EDGE_FAULTS, SHARED_EDGE_FAULTS
from deep.forked import Forks, forking
from deep.installation import Service, install_once, interpreters
from deep.metrics_faults import METRICS_FAULTS
from deep.observability_faults import CONTEXT_FAULTS, WATCH_FAULTS
from deep.review_faults import REVIEW_FAULTS, SERVER_REVIEW_FAULTS
from deep.task_faults import LOCAL_TASK_FAULTS, TASK_FAULTS, WORKER_FAULTS
from deep.unplugging import Unplugging
from matrix import Row
from workbench import Template, once, succeeded

PATIENCE = "PATIENCE_SECONDS = 30"
DATABASE = "tests/fixtures/database.py"
MIGRATE = 'migrate("upgrade", "head", database_url=url_of(path))'

FAULTS = {
    "problem handlers": Unplugging(
        "app/core/application.py",
        "    add_problem_handlers(app)\n",
        "",
        "tests/core/test_problem.py::test_every_error_has_one_shape",
    ),
    "settings of the pool": Unplugging(
        "app/core/database/engine.py",
        "pool_size=settings.database_pool_size - 1",
        "pool_size=20",
        "tests/core/test_session.py::test_a_pool_that_is_used_up_is_unavailable",
    ),
    "connections of their own for readers": Unplugging(
        "app/core/database/session.py",
        "    read_engine = create_read_engine(settings, engine)\n",
        "    read_engine = engine\n",
        "tests/core/test_session.py::test_readers_do_not_wait_for_writers",
    ),
    "lock of writers": Unplugging(
        "app/core/database/engine.py",
        '    event.listen(engine.sync_engine, "begin", begin_immediate)\n',
        "",
        "tests/core/test_session.py::test_no_update_is_lost",
    ),
    "patience of migrations": Unplugging(
        "app/core/database/engine.py",
        '"database_lock_timeout_seconds": 600',
        "",
        "tests/core/test_migrations.py::test_one_waits_for_another_longer_than_requests_would",
    ),
    "effects after the commit": Unplugging(
        "app/core/database/session.py",
        '        await run_effects(session.info.get("after_commit", ()))\n',
        "",
        "tests/core/test_session.py::test_an_effect_runs_after_the_commit",
    ),
    "commit before the response": Unplugging(
        "app/core/database/session.py",
        'Depends(get_session, scope="function")',
        "Depends(get_session)",
        "tests/core/test_transaction.py::test_a_commit_that_fails_is_not_a_success",
    ),
    "cached read": Unplugging(
        "app/features/posts/endpoints.py",
        "@cached(POST, caller=everyone)\n",
        "",
        "tests/features/posts/test_cached.py::test_the_second_read_asks_no_database",
    ),
    "invalidation": Unplugging(
        "app/features/posts/service.py",
        'await self.state["cache"].invalidate(*names_of(post_id))\n',
        "pass\n",
        "tests/features/posts/test_writes.py::test_a_like_is_counted_and_edits_nothing",
    ),
    "single flight": Unplugging(
        "app/core/cache/loading.py",
        "            self._flights[wanted.key] = flight\n",
        "",
        "tests/core/test_cache.py::test_all_who_miss_share_one_load",
    ),
    "cached statistics": Unplugging(
        "app/features/posts/endpoints.py",
        "@cached(STATISTICS, caller=everyone)\n",
        "",
        "tests/features/posts/test_cached.py::test_the_second_read_asks_no_database",
    ),
    "statistics that follow": Unplugging(
        "app/features/posts/service.py",
        "        transaction.after_commit(lambda: cache.invalidate(*names_of()))\n",
        "",
        "tests/features/posts/test_writes.py::test_statistics_begin_with_who_wrote_most",
    ),
    "reload of what is stale": Unplugging(
        "app/core/cache/cache.py",
        "entry.fresh_until > time.time()",
        "entry.kept_until > time.time()",
        "tests/core/test_cache.py::test_a_stale_value_is_given_while_a_newer_one_is_loaded",
    ),
    "tag of what a client has": Unplugging(
        "app/core/cache/kept.py",
        'if etags is not None and matches(etags, dict(headers)[b"etag"]):',
        'if etags == b"":',
        "tests/core/test_responses.py::test_a_client_that_has_it_gets_no_body",
    ),
    "credentials that are not shared": Unplugging(
        "app/core/cache/responses.py",
        "not CREDENTIALS.isdisjoint(headers)",
        "headers is None",
        "tests/core/test_callers.py::test_credentials_are_never_shared_by_accident",
    ),
    "caller in the key": Unplugging(
        "app/core/cache/responses.py",
        'key += "@" + await policy.caller(request)',
        "await policy.caller(request)",
        "tests/core/test_callers.py::test_a_path_can_not_name_another_key",
    ),
    "dependencies that outlive a request": Unplugging(
        "app/core/cache/responses.py",
        "return await self._handler(Request(scope))",
        "return await self._handler(request)",
        "tests/core/test_responses.py::test_dependencies_live_as_long_as_the_load",
    ),
    "bound of the memory": Unplugging(
        "app/core/cache/memory.py",
        "            self._drop(next(iter(self._copies)))\n",
        "            break\n",
        "tests/core/test_memory.py::test_it_stays_within_its_bytes",
    ),
    "version of a post": Unplugging(
        "app/features/posts/service.py",
        "        if new.version not in {None, post.version}:\n",
        "        if new.version == 0:\n",
        "tests/features/posts/test_endpoints.py::test_an_old_version_does_not_replace_a_newer_one",
    ),
    "process pool": Unplugging(
        "app/features/posts/endpoints.py",
        "await run_cpu(slow_digest, await posts.body(post_id))",
        "slow_digest(await posts.body(post_id))",
        "tests/features/posts/test_endpoints.py::test_a_digest_is_computed_in_another_process",
    ),
    "limit of processes": Unplugging(
        "app/core/concurrency.py",
        "    to_process.current_default_process_limiter().total_tokens = settings.cpu_workers\n",
        "",
        "tests/core/test_concurrency.py::test_the_lifespan_sets_the_limits",
    ),
    "limit of threads": Unplugging(
        "app/core/lifespan.py",
        "    limit_threads(settings.sync_threads or settings.database_pool_size)\n",
        "",
        "tests/core/test_concurrency.py::test_the_lifespan_sets_the_limits",
    ),
    "deadline of CPU-bound work": Unplugging(
        "app/core/concurrency.py",
        "CancelScope(deadline=current_time() + left)",
        "CancelScope()",
        "tests/core/test_concurrency.py::test_a_call_takes_no_longer_than_its_request_may",
    ),
    "end of CPU-bound work": Unplugging(
        "app/core/concurrency.py",
        "            call.cancel()\n",
        "            pass\n",
        "tests/core/test_concurrency.py::test_the_end_of_the_service_ends_its_calls",
    ),
    "time limit of probes": Unplugging(
        "app/core/observability/health.py",
        "asyncio.timeout(timeout_seconds)",
        "asyncio.timeout(None)",
        "tests/core/test_health.py::test_ready_names_what_does_not_answer",
    ),
    "no log of each request": Unplugging(
        "app/core/server/entry.py",
        "        access_log=False,\n",
        "",
        "tests/core/test_server.py::test_it_does_not_log_each_request",
    ),
    "time limit of calls": Unplugging(
        "app/core/http_client/call.py",
        "            total=seconds,\n",
        "            total=None,\n",
        "tests/core/test_http_faults.py::test_every_fault_ends_in_time",
    ),
    "time limit of pieces": Unplugging(
        "app/core/http_client/call.py",
        "sock_read=self._settings.http_read_timeout_seconds",
        "sock_read=None",
        "tests/core/test_http_faults.py::test_an_answer_that_does_not_come_is_asked_for_again",
    ),
    "time limit of connections": Unplugging(
        "app/core/http_client/call.py",
        "connect=self._settings.http_connect_timeout_seconds",
        "connect=None",
        "tests/core/test_http_many.py::test_a_connection_is_not_waited_for_when_all_are_in_use",
    ),
    "deadline of calls": Unplugging(
        "app/core/http_client/client.py",
        "        left = remaining_seconds()\n",
        "        left = None\n",
        "tests/core/test_http_faults.py::test_every_fault_ends_in_time",
    ),
    "deadline that travels": Unplugging(
        "app/core/http_client/call.py",
        ', HEADER: f"{seconds:.3f}"}',
        "}",
        "tests/core/test_http_faults.py::test_the_other_side_learns_how_long_anybody_waits",
    ),
    "request id that travels": Unplugging(
        "app/core/http_client/call.py",
        '            headers.setdefault("X-Request-ID", current)\n',
        "            pass\n",
        "tests/core/test_http_client.py::test_the_other_side_learns_the_id_of_the_request",
    ),
    "time of calls": Unplugging(
        "app/core/http_client/client.py",
        'with spending("outbound", f"{call.method} {shown(call.url)}"):',
        "if True:",
        "tests/core/test_http_client.py"
        "::test_a_route_gets_the_client_and_tells_its_errors_and_its_time",
    ),
    "limit of connections": Unplugging(
        "app/core/http_client/session.py",
        "limit=settings.http_max_connections,",
        "limit=0,",
        "tests/core/test_http_many.py::test_a_connection_is_not_waited_for_when_all_are_in_use",
    ),
    "limit of connections per host": Unplugging(
        "app/core/http_client/session.py",
        "limit_per_host=settings.http_max_connections_per_host",
        "limit_per_host=0",
        "tests/core/test_http_many.py::test_a_host_does_not_take_the_connections_of_all",
    ),
    "limit of an answer": Unplugging(
        "app/core/http_client/call.py",
        "            if len(body) > self._settings.http_max_response_bytes:\n",
        "            if not body:\n",
        "tests/core/test_http_client.py::test_no_more_is_taken_than_the_settings_say",
    ),
    "cookies of nobody": Unplugging(
        "app/core/http_client/session.py",
        "        cookie_jar=aiohttp.DummyCookieJar(),\n",
        "",
        "tests/core/test_http_client.py"
        "::test_nothing_that_an_answer_sets_is_sent_with_the_next_call",
    ),
    "retries": Unplugging(
        "app/core/http_client/call.py",
        "if tried >= self._settings.http_retries or not may_be_repeated:",
        "if tried >= 0:",
        "tests/core/test_http_retries.py::test_what_changes_nothing_is_repeated",
    ),
    "retries of what is safe alone": Unplugging(
        "app/core/http_client/call.py",
        "may_be_repeated = call.may_be_repeated or was_never_sent(error)",
        "may_be_repeated = True",
        "tests/core/test_http_retries.py::test_what_may_have_changed_something_is_not",
    ),
    "budget of retries": Unplugging(
        "app/core/http_client/host.py",
        "        self._budget -= 1\n",
        "",
        "tests/core/test_http_retries.py::test_an_outage_does_not_multiply_what_is_asked",
    ),
    "no retries behind our back": Unplugging(
        "app/core/http_client/session.py",
        "    session._retry_connection = False\n",
        "",
        "tests/core/test_http_retries.py::test_what_changes_nothing_is_repeated",
    ),
    "pause that was asked for": Unplugging(
        "app/core/http_client/call.py",
        "return asked + pause if",
        "return pause if",
        "tests/core/test_http_retries.py::test_who_asks_for_a_pause_gets_it",
    ),
    "breaker of a host": Unplugging(
        "app/core/http_client/host.py",
        "        self.breaker.trip()\n",
        "",
        "tests/core/test_http_faults.py::test_who_fails_again_and_again_is_left_alone_for_a_time",
    ),
    "end of the breaker": Unplugging(
        "app/core/http_client/call.py",
        "                host.breaker.close()\n                return answer\n",
        "                return answer\n",
        "tests/core/test_http_faults.py::test_who_fails_again_and_again_is_left_alone_for_a_time",
    ),
    "innocence of who got little time": Unplugging(
        "app/core/http_client/call.py",
        " or (is_out_of_time and call.is_hurried)",
        "",
        "tests/core/test_http_faults.py::test_without_any_time_left_nobody_is_asked",
    ),
    "bound of what is known of hosts": Unplugging(
        "app/core/http_client/host.py",
        "            if len(self._hosts) > MOST_HOSTS:\n",
        "            if not self._hosts:\n",
        "tests/core/test_http_faults.py::test_hosts_are_not_remembered_without_end",
    ),
    "failures among answers": Unplugging(
        "app/core/http_client/client.py",
        "                except AppError as error:\n                    return error\n",
        "                except AppError:\n                    raise\n",
        "tests/core/test_http_many.py::test_what_fails_is_one_of_many_answers",
    ),
    "calls that take turns": Unplugging(
        "app/core/http_client/client.py",
        "asyncio.Semaphore(at_once)",
        "asyncio.Semaphore(1_000)",
        "tests/core/test_http_many.py::test_many_are_asked_side_by_side_but_not_all",
    ),
    "addresses for everybody": Unplugging(
        "app/core/http_client/client.py",
        "None if is_open else public_socket",
        "None",
        "tests/core/test_addresses.py::test_nobody_gets_to_the_service_itself",
    ),
    "addresses within addresses": Unplugging(
        "app/core/http_client/addresses.py",
        "        inner = carried(found)\n",
        "        inner = None\n",
        "tests/core/test_addresses.py::test_an_address_that_depends_on_the_place",
    ),
    "discretion towards strangers": Unplugging(
        "app/core/http_client/call.py",
        "        if not self._is_among_friends:\n            return call.headers\n",
        "",
        "tests/core/test_addresses.py::test_strangers_learn_nothing_of_the_request",
    ),
    "client for links": Unplugging(
        "app/features/posts/previews.py",
        "WebClientDep",
        "HttpClientDep",
        "tests/features/posts/test_previews.py"
        "::TestInProduction::test_a_link_does_not_lead_into_the_network_of_the_service",
    ),
    "effects of a direct transaction": Unplugging(
        "app/core/database/session.py",
        "        await run_effects(transaction.effects)\n",
        "",
        "tests/core/test_direct.py::test_an_effect_runs_after_the_commit",
    ),
    "end of streams and sockets": Unplugging(
        "app/core/live/hub.py",
        "        await shutdown.wait_for_close()\n",
        "        await asyncio.Event().wait()\n",
        "tests/core/test_live_sockets.py::test_sockets_end_with_the_service",
    ),
    "the service's own end, told to who listens": Unplugging(
        "app/core/lifespan.py",
        "shutdown=shutdown,",
        "shutdown=Shutdown(),",
        "tests/features/posts/test_live.py::test_both_end_with_the_service",
    ),
    "bound of what waits for a listener": Unplugging(
        "app/core/live/subscription.py",
        "if len(self._waiting) >= self._most:",
        "if self._most < 0:",
        "tests/core/test_live_sockets.py::test_who_stalls_is_let_go_and_nobody_else_waits",
    ),
    "end of who stalls": Unplugging(
        "app/core/live/subscription.py",
        "            self._limit.reschedule(",
        "            print(",
        "tests/core/test_live_queues.py"
        "::test_who_takes_nothing_is_let_go_even_while_it_is_waited_for",
    ),
    "time for listeners in a burst": Unplugging(
        "app/core/live/hub.py",
        "            if number % AT_ONCE == 0:\n",
        "            if number < 0:\n",
        "tests/core/test_live_queues.py::test_who_listens_gets_time_in_a_burst",
    ),
    "history of messages": Unplugging(
        "app/core/live/hub.py",
        "        self._history.add(message)\n",
        "",
        "tests/core/test_live_streams.py"
        "::test_who_comes_back_misses_nothing_and_hears_nothing_twice",
    ),
    "bound of the history": Unplugging(
        "app/core/live/history.py",
        "len(self) > self._most_messages or",
        "",
        "tests/core/test_live_queues.py::test_of_messages_the_last_are_kept",
    ),
    "word of what was missed": Unplugging(
        "app/core/live/hub.py",
        'replayed = [reset_after(self.latest or "")]',
        "replayed = list[Message]()",
        "tests/core/test_live_streams.py::test_who_was_away_for_too_long_has_to_load_again",
    ),
    "comments in silent streams": Unplugging(
        "app/core/live/streams.py",
        "asyncio.timeout(settings.live_keepalive_seconds)",
        "asyncio.timeout(None)",
        "tests/core/test_live_streams.py::test_a_silent_stream_is_kept_alive_and_not_forgotten",
    ),
    "streams that nobody keeps": Unplugging(
        "app/core/live/streams.py",
        "super().__init__((), status_code, headers=HEADERS)",
        "super().__init__((), status_code)",
        "tests/core/test_live_streams.py::test_a_stream_is_neither_kept_nor_held_back",
    ),
    "origin of sockets": Unplugging(
        "app/features/posts/live.py",
        "Depends(check_origin), ",
        "",
        "tests/features/posts/test_live.py"
        "::test_who_may_not_listen_is_refused_before_anything_is_accepted",
    ),
    "who may listen": Unplugging(
        "app/features/posts/live.py",
        ", Depends(admit)",
        "",
        "tests/features/posts/test_live.py"
        "::test_who_may_not_listen_is_refused_before_anything_is_accepted",
    ),
    "limit of what sockets send": Unplugging(
        "app/core/live/sockets.py",
        "if len(text.encode()) > most_bytes:",
        "if not text:",
        "tests/core/test_live_sockets.py::test_bad_messages_end_a_socket",
    ),
    "news of a post": Unplugging(
        "app/features/posts/endpoints.py",
        '.publish("post", body, topics=topics_of(post.author.id))',
        '.publish("post", body, topics=())',
        "tests/features/posts/test_live.py::test_a_new_post_is_told_to_all_who_listen",
    ),
    "word of messages that don't cross": Unplugging(
        "app/core/live/relay.py",
        "    if settings.workers > 1 and parent_process() is None:\n",
        "    if settings.workers < 1 and parent_process() is None:\n",
        "tests/core/test_local_relay.py::test_several_processes_are_told_that_they_are_alone",
    ),
    "commit of a single statement": Unplugging(
        "app/core/database/engine.py",
        "alone = begun",
        "from contextlib import nullcontext as alone",
        "tests/core/test_direct.py::test_a_single_statement_is_a_transaction",
    ),
    "words of a post that changed": Unplugging(
        "app/features/posts/queries.py",
        '.where(Post.version == bindparam("version"))',
        '.where(bindparam("version") == bindparam("version"))',
        "tests/features/posts/test_writes.py::test_words_are_not_those_of_an_older_text",
    ),
    "repetition of a unit of work": Unplugging(
        "app/core/database/session.py",
        "if failure_of(error) is not Failure.CONFLICT:",
        "if error:",
        "tests/core/test_session.py::test_a_unit_of_work_is_repeated_when_another_was_in_its_way",
    ),
    "clock at every query": Unplugging(
        "app/core/database/session.py",
        "            monitor.watch(read_engine.sync_engine)\n",
        "            pass\n",
        "tests/core/test_monitor.py::test_queries_are_counted_and_timed",
    ),
    "clock at every direct query": Unplugging(
        "app/core/database/direct.py",
        "            self._monitor.note(sql, time.perf_counter() - started)\n",
        "            pass\n",
        "tests/core/test_monitor.py::test_queries_are_counted_and_timed",
    ),
    "waits of the pool": Unplugging(
        "app/core/database/session.py",
        "            pool.waits = self.waits\n",
        "            pass\n",
        "tests/core/test_pool.py::test_waits_are_counted",
    ),
    "what a connection was left in": Unplugging(
        "app/core/database/engine.py",
        'attrgetter("in_transaction")',
        "lambda _: False",
        "tests/core/test_engine.py::test_what_a_read_writes_is_taken_back",
    ),
    "end of what nobody waits for": Unplugging(
        "app/core/database/engine.py",
        "            self._dialect.get_driver_connection(connection)._conn.interrupt()\n",
        "            pass\n",
        "tests/core/test_engine.py::test_a_query_that_nobody_waits_for_is_interrupted",
    ),
    "budget of the pool": Unplugging(
        "app/core/database/session.py",
        "await check_budget(connection, self.budget, self._processes)",
        "pass",
        "tests/core/test_pool.py::test_a_pool_that_the_server_is_too_small_for_is_told",
    ),
    "check before the start": Unplugging(
        "app/core/server/entry.py",
        "        asyncio.run(check(settings))\n",
        "",
        "tests/core/test_boot.py::test_migrations_that_are_missing_are_a_reason_not_to_start",
    ),
    "signature of cursors": Unplugging(
        "app/core/pagination.py",
        "if not hmac.compare_digest(signed, signature(packed, secret)):",
        "if len(packed) < LAYOUT.size:",
        "tests/core/test_pagination.py::test_anything_else_is_refused",
    ),
    "secret of cursors": Unplugging(
        "app/features/posts/reader.py",
        'self.state["settings"].cursor_secret',
        'type(self.state["settings"].cursor_secret)("")',
        "tests/features/posts/test_lists.py"
        "::test_cursors_are_signed_with_the_secret_of_the_service",
    ),
    "routes without a level of their own": Unplugging(
        "app/core/routing.py",
        "route_class_override=type(route), ",
        "",
        "tests/core/test_routing.py::test_a_route_is_what_it_would_be_in_its_router",
    ),
    "formulas made harmless": Unplugging(
        "app/core/database/csv.py",
        'constant("\'") + value',
        "value",
        "tests/core/test_csv.py::test_spreadsheets_read_what_was_stored_and_no_formula",
    ),
    "end of a download": Unplugging(
        "app/core/streaming.py",
        "            await chunks.aclose()\n",
        "            pass\n",
        "tests/core/test_streaming.py::test_nothing_more_is_made_for_a_client_that_has_left",
    ),
}
# In a service without a database, and so with the other example.
OTHER_FAULTS = {
    "news of a repository": Unplugging(
        "app/features/repositories/endpoints.py",
        "    await repositories.tell(found)\n",
        "",
        "tests/features/repositories/test_live.py"
        "::test_what_is_looked_up_is_told_to_all_who_listen",
    ),
    "tasks that run": Unplugging(
        "app/core/lifespan.py",
        '        working(state["broker"], settings, state) as runner,\n',
        '        __import__("contextlib").nullcontext(state["broker"]) as runner,\n',
        "tests/core/test_task_status.py::test_everybody_may_ask_how_far_a_task_is",
    ),
    "calls side by side": Unplugging(
        "app/features/repositories/service.py",
        "                languages = calls",
        "                await repository\n                languages = calls",
        "tests/features/repositories/test_endpoints.py::test_the_calls_run_side_by_side",
    ),
    "one failure for all": Unplugging(
        "app/features/repositories/service.py",
        "            raise failed.exceptions[0] from failed\n",
        "            raise\n",
        "tests/features/repositories/test_endpoints.py"
        "::test_a_repository_that_github_does_not_know_is_not_found",
    ),
    "cached repository": Unplugging(
        "app/features/repositories/service.py",
        "await cache.get_or_load(key_of(name), lambda: self.load(name))",
        "await self.load(name)",
        "tests/features/repositories/test_cached.py::test_the_second_read_asks_nobody",
    ),
    "validation of what GitHub answers": Unplugging(
        "app/features/repositories/upstream.py",
        "return expected.validate_python(answer.json())",
        "return answer.json()",
        "tests/features/repositories/test_endpoints.py::test_a_repository_is_put_together",
    ),
    "names that lead elsewhere": Unplugging(
        "app/features/repositories/endpoints.py",
        "^[.]*[A-Za-z0-9_-][A-Za-z0-9._-]*$",
        "^.+$",
        "tests/features/repositories/test_endpoints.py"
        "::test_a_name_that_leads_elsewhere_is_refused",
    ),
}


# With a cache that processes share.
SHARED_FAULTS = {
    "place in the stream": Unplugging(
        "app/core/live/relay.py",
        "            receiver.begin(None)\n",
        "            receiver.begin(await self._kept())\n",
        "tests/core/test_stream_relay.py::test_nothing_is_missed_while_the_stream_is_out_of_reach",
    ),
    "word to the other processes": Unplugging(
        "app/core/cache/store.py",
        "        await self._client.publish(self.changes.channel, self.changes.message(names))\n",
        "",
        "tests/core/test_shared_cache.py::test_what_one_changes_the_other_sees_at_once",
    ),
    "version of what changed": Unplugging(
        "app/core/cache/store.py",
        "                pipeline.set(version, new_version(), ex=VERSION_SECONDS)\n",
        "                pass\n",
        "tests/core/test_shared_cache.py::test_what_one_changes_the_other_sees_at_once",
    ),
    "one load for all processes": Unplugging(
        "app/core/cache/store.py",
        "nx=True, px=",
        "px=",
        "tests/core/test_shared_cache.py::test_two_hundred_who_miss_share_one_load",
    ),
    "patience with redis": Unplugging(
        "app/core/cache/redis_client.py",
        '        "socket_timeout": timeout_seconds,\n',
        '        "socket_timeout": 5,\n',
        "tests/core/test_redis_client.py::test_nobody_waits_for_long",
    ),
    "patience of reads": Unplugging(
        "app/core/pipeline.py",
        "        if left <= 0:\n",
        "        if left <= -60:\n",
        "tests/core/test_pipeline.py::test_nobody_waits_for_long",
    ),
    "one connection for all": Unplugging(
        "app/core/pipeline.py",
        "self._pipeline = Pipeline(writer, self._timeout_seconds)\n        return self._pipeline",
        "return Pipeline(writer, self._timeout_seconds)",
        "tests/core/test_pipeline.py::test_one_is_opened_however_they_come",
    ),
    "one attempt to connect for all": Unplugging(
        "app/core/pipeline.py",
        "            # All wait for one attempt, and hear how it went.\n",
        "            if self._opening is not None and not self._opening.done():\n"
        "                raise ConnectionError\n",
        "tests/core/test_pipeline.py::test_each_gets_his_answer",
    ),
    "breaker": Unplugging(
        "app/core/cache/store.py",
        "            self._breaker.trip()\n",
        "",
        "tests/core/test_shared_cache.py::test_without_redis_all_comes_from_the_source",
    ),
    "end of copies with their channel": Unplugging(
        "app/core/cache/changes.py",
        "                self._when_changed(None)\n",
        "                pass\n",
        "tests/core/test_shared_cache.py::test_without_redis_all_comes_from_the_source",
    ),
    "what is owed to redis": Unplugging(
        "app/core/cache/store.py",
        "                await self._pay()\n            value,",
        "                pass\n            value,",
        "tests/core/test_shared_cache.py::test_without_redis_all_comes_from_the_source",
    ),
}
# On a server, which may go away.
SERVER_FAULTS = {
    "messages that are left at the end": Unplugging(
        "app/core/live/hub.py",
        "            await self._outbox.drain()\n",
        "",
        "tests/core/test_relay.py::test_what_is_about_to_be_told_is_told_before_the_end",
    ),
    "return of a relay": Unplugging(
        "app/core/live/hub.py",
        "            self._began.clear()\n",
        "            self._began.clear()\n            await asyncio.Event().wait()\n",
        "tests/core/test_relay.py::test_without_the_relay_everything_goes_on",
    ),
    "connection that listens, in the budget": Unplugging(
        "app/core/lifespan.py",
        "open_database(settings, extra=1)",
        "open_database(settings)",
        "tests/core/test_listen.py::test_the_budget_knows_of_the_connection_that_listens",
    ),
    "look at a connection before it is used": Unplugging(
        "app/core/database/engine.py",
        "Driver.is_closed,",
        "lambda _: False,",
        "tests/core/test_faults.py::test_connections_that_the_server_ended_cost_nobody_an_answer",
    ),
    "time limit of statements": Unplugging(
        "app/core/database/engine.py",
        '        "statement_timeout": settings.database_statement_timeout_seconds,\n',
        "",
        "tests/core/test_engine.py::test_the_server_knows_the_name_and_the_timeouts",
    ),
    "patience with the pool": Unplugging(
        "app/core/database/connections.py",
        '        "pool_timeout": settings.database_pool_timeout_seconds,\n',
        "",
        "tests/core/test_faults.py::test_who_waits_for_a_connection_is_told_soon",
    ),
    "lock of migrations": Unplugging(
        "app/core/database/engine.py",
        "pg_advisory_xact_lock(:number)",
        "CAST(:number AS bigint)",
        "tests/core/test_migrations.py::test_one_waits_for_another_longer_than_requests_would",
    ),
    "network errors by their name": Unplugging(
        "app/core/database/engine.py",
        '        "async_creator_fn": connect,\n',
        "",
        "tests/core/test_session.py::test_a_database_that_is_away_is_unavailable",
    ),
    "index of a list": Unplugging(
        "migrations/versions/0001_posts.py",
        '    op.create_index(op.f("ix_posts_created_at_id"), "posts", ["created_at", "id"])\n',
        "",
        "tests/features/posts/test_queries.py::test_no_query_reads_the_whole_table",
    ),
}


# Gives a service by its name.
Installed = Callable[[str], Service]
# Gives a copy of one, whose tests may run, and don't wait for long.
Copied = Callable[[str], Path]


class Broken(NamedTuple):
    """A service, by what it isn't given by default, and the faults that it may have."""

    answers: Row
    faults: dict[str, Unplugging]

    @property
    def is_on_sqlite(self) -> bool:
        """Whether it has the database that is there by default."""
        return "database" not in self.answers


SERVICES = {
    "embedded": Broken(
        {},
        {
            **FAULTS,
            **TASK_FAULTS,
            **LOCAL_TASK_FAULTS,
            **METRICS_FAULTS,
            **CONTEXT_FAULTS,
            **REVIEW_FAULTS,
        },
    ),
    "without a database": Broken({"database": "none"}, {**OTHER_FAULTS, **EDGE_FAULTS}),
    "with redis": Broken(
        {"database": "none", "cache": "redis"}, {**SHARED_FAULTS, **SHARED_EDGE_FAULTS}
    ),
    "on a server": Broken({"database": "postgresql"}, {**SERVER_FAULTS, **SERVER_REVIEW_FAULTS}),
    "with workers": Broken({"queue": "taskiq"}, WORKER_FAULTS),
    "watched": Broken(
        {"cache": "redis", "tracing": "opentelemetry", "errors": "sentry"}, WATCH_FAULTS
    ),
}


@pytest.fixture(scope="module")
def services(template: Template, shared: Path) -> Installed:
    """The services, each installed when it is first asked for."""
    version = next(iter(interpreters()))

    @cache
    def installed(name: str) -> Service:
        row = {"python_version": version, **SERVICES[name].answers}
        return install_once(template, shared / "unplugged" / name.replace(" ", "-"), row)

    return installed


@pytest.fixture(scope="module")
def migrated(services: Installed, shared: Path) -> Callable[[str], Path]:
    """A file of each service's that is at the newest revision: of those on SQLite."""

    @cache
    def file(name: str) -> Path:
        def migrate(path: Path) -> None:
            url = f"DATABASE_URL=sqlite+aiosqlite:///{path}"
            succeeded(services(name).run("env", url, "alembic", "upgrade", "head"))

        return once(shared / "unplugged" / f"{name.replace(' ', '-')}.db", migrate)

    return file


@pytest.fixture
def copied(services: Installed, migrated: Callable[[str], Path], tmp_path: Path) -> Copied:
    """Copies for a test: other workers take theirs of the same services."""

    def copy(name: str) -> Path:
        path = tmp_path / "orders"
        shutil.copytree(services(name).path, path, ignore=shutil.ignore_patterns(".git", ".venv"))
        # What will never happen isn't waited for as long as what may take its time.
        fixtures = {file: file.read_text() for file in path.glob("tests/fixtures/*.py")}
        patient = {file: text for file, text in fixtures.items() if PATIENCE in text}
        assert patient
        for file, text in patient.items():
            file.write_text(text.replace(PATIENCE, "PATIENCE_SECONDS = 10"))
        if SERVICES[name].is_on_sqlite:
            take(migrated(name), path / DATABASE)
        return path

    return copy


def take(database: Path, fixture: Path) -> None:
    """Have tests take a database that is migrated, which would be half of their time."""
    text = fixture.read_text()
    assert MIGRATE in text
    instead = f'shutil.copy("{database}", path)'
    fixture.write_text(text.replace(MIGRATE, instead))


@pytest.fixture(scope="module")
def forks(services: Installed) -> Generator[Callable[[str], Forks]]:
    """Whoever runs the tests of a service, started when it is first asked for."""
    with ExitStack() as stack:

        @cache
        def started(name: str) -> Forks:
            return stack.enter_context(forking(services(name)))

        yield started


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        pytest.param(name, fault, id=f"{name}-{what}")
        for name, broken in SERVICES.items()
        for what, fault in broken.faults.items()
    ],
)
def test_a_test_of_the_service_notices(
    services: Installed,
    copied: Copied,
    forks: Callable[[str], Forks],
    name: str,
    fault: Unplugging,
) -> None:
    """Break one thing in a copy of the service."""
    path = copied(name)
    if fault.path.startswith("migrations/"):
        # They have to run with it.
        shutil.copy(services(name).path / DATABASE, path / DATABASE)
    module = path / fault.path
    text = module.read_text()
    assert fault.text in text, "the fault no longer fits the code"
    module.write_text(text.replace(fault.text, fault.becomes))

    tested = forks(name).test(path, "--quiet", "--exitfirst", fault.noticed_by, seconds=240)
    if tested.exit_code is None:
        # An event loop doesn't close while what was broken holds a connection open.
        assert re.search(r"^[.s]*[FE]", tested.output, re.MULTILINE), "it hung"
    else:
        assert tested.exit_code == 1, f"nobody noticed\n{tested.output}"


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_is_noticed_where_nothing_is_broken(
    copied: Copied, forks: Callable[[str], Forks], name: str
) -> None:
    """The tests that have to notice pass in such a copy."""
    tests = sorted({fault.noticed_by for fault in SERVICES[name].faults.values()})
    tested = forks(name).test(copied(name), "--quiet", *tests, seconds=600)
    assert tested.exit_code == 0, tested.output
