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
        "tests/core/test_problem.py",
    ),
    "settings of the pool": Unplugging(
        "app/core/database/engine.py",
        "pool_size=settings.database_pool_size - 1",
        "pool_size=20",
        "tests/core/test_session.py",
    ),
    "connections of their own for readers": Unplugging(
        "app/core/database/session.py",
        "    read_engine = create_read_engine(settings, engine)\n",
        "    read_engine = engine\n",
        "tests/core/test_session.py",
    ),
    "lock of writers": Unplugging(
        "app/core/database/engine.py",
        '    event.listen(engine.sync_engine, "begin", begin_immediate)\n',
        "",
        "tests/core/test_session.py",
    ),
    "patience of migrations": Unplugging(
        "app/core/database/engine.py",
        '"database_lock_timeout_seconds": 600',
        "",
        "tests/core/test_migrations.py",
    ),
    "effects after the commit": Unplugging(
        "app/core/database/session.py",
        '        await run_effects(session.info.get("after_commit", ()))\n',
        "",
        "tests/core/test_session.py",
    ),
    "commit before the response": Unplugging(
        "app/core/database/session.py",
        'Depends(get_session, scope="function")',
        "Depends(get_session)",
        "tests/core/test_transaction.py",
    ),
    "cached read": Unplugging(
        "app/features/posts/endpoints.py",
        "@cached(POST, caller=everyone)\n",
        "",
        "tests/features/posts/test_cached.py",
    ),
    "invalidation": Unplugging(
        "app/features/posts/service.py",
        'await self.state["cache"].invalidate(*names_of(post_id))\n',
        "pass\n",
        "tests/features/posts/test_writes.py",
    ),
    "single flight": Unplugging(
        "app/core/cache/loading.py",
        "            self._flights[wanted.key] = flight\n",
        "",
        "tests/core/test_cache.py",
    ),
    "cached statistics": Unplugging(
        "app/features/posts/endpoints.py",
        "@cached(STATISTICS, caller=everyone)\n",
        "",
        "tests/features/posts/test_cached.py",
    ),
    "statistics that follow": Unplugging(
        "app/features/posts/service.py",
        "        transaction.after_commit(lambda: cache.invalidate(*names_of()))\n",
        "",
        "tests/features/posts/test_writes.py",
    ),
    "reload of what is stale": Unplugging(
        "app/core/cache/cache.py",
        "entry.fresh_until > time.time()",
        "entry.kept_until > time.time()",
        "tests/core/test_cache.py",
    ),
    "tag of what a client has": Unplugging(
        "app/core/cache/kept.py",
        'if etags is not None and matches(etags, dict(headers)[b"etag"]):',
        'if etags == b"":',
        "tests/core/test_responses.py",
    ),
    "credentials that are not shared": Unplugging(
        "app/core/cache/responses.py",
        "not CREDENTIALS.isdisjoint(headers)",
        "headers is None",
        "tests/core/test_callers.py",
    ),
    "caller in the key": Unplugging(
        "app/core/cache/responses.py",
        'key += "@" + await policy.caller(request)',
        "await policy.caller(request)",
        "tests/core/test_callers.py",
    ),
    "dependencies that outlive a request": Unplugging(
        "app/core/cache/responses.py",
        "return await self._handler(Request(scope))",
        "return await self._handler(request)",
        "tests/core/test_responses.py",
    ),
    "bound of the memory": Unplugging(
        "app/core/cache/memory.py",
        "            self._drop(next(iter(self._copies)))\n",
        "            break\n",
        "tests/core/test_memory.py",
    ),
    "version of a post": Unplugging(
        "app/features/posts/service.py",
        "        if new.version not in {None, post.version}:\n",
        "        if new.version == 0:\n",
        "tests/features/posts/test_endpoints.py",
    ),
    "process pool": Unplugging(
        "app/features/posts/endpoints.py",
        "await run_cpu(slow_digest, await posts.body(post_id))",
        "slow_digest(await posts.body(post_id))",
        "tests/features/posts/test_endpoints.py",
    ),
    "limit of processes": Unplugging(
        "app/core/concurrency.py",
        "    to_process.current_default_process_limiter().total_tokens = settings.cpu_workers\n",
        "",
        "tests/core/test_concurrency.py",
    ),
    "limit of threads": Unplugging(
        "app/core/lifespan.py",
        "    limit_threads(settings.sync_threads or settings.database_pool_size)\n",
        "",
        "tests/core/test_concurrency.py",
    ),
    "deadline of CPU-bound work": Unplugging(
        "app/core/concurrency.py",
        "CancelScope(deadline=current_time() + left)",
        "CancelScope()",
        "tests/core/test_concurrency.py",
    ),
    "end of CPU-bound work": Unplugging(
        "app/core/concurrency.py",
        "            call.cancel()\n",
        "            pass\n",
        "tests/core/test_concurrency.py",
    ),
    "time limit of probes": Unplugging(
        "app/core/observability/health.py",
        "asyncio.timeout(timeout_seconds)",
        "asyncio.timeout(None)",
        "tests/core/test_health.py",
    ),
    "no log of each request": Unplugging(
        "app/core/server/entry.py",
        "        access_log=False,\n",
        "",
        "tests/core/test_server.py",
    ),
    "time limit of calls": Unplugging(
        "app/core/http_client/call.py",
        "            total=seconds,\n",
        "            total=None,\n",
        "tests/core/test_http_faults.py",
    ),
    "time limit of pieces": Unplugging(
        "app/core/http_client/call.py",
        "sock_read=self._settings.http_read_timeout_seconds",
        "sock_read=None",
        "tests/core/test_http_faults.py",
    ),
    "time limit of connections": Unplugging(
        "app/core/http_client/call.py",
        "connect=self._settings.http_connect_timeout_seconds",
        "connect=None",
        "tests/core/test_http_many.py",
    ),
    "deadline of calls": Unplugging(
        "app/core/http_client/client.py",
        "        left = remaining_seconds()\n",
        "        left = None\n",
        "tests/core/test_http_faults.py",
    ),
    "deadline that travels": Unplugging(
        "app/core/http_client/call.py",
        ', HEADER: f"{seconds:.3f}"}',
        "}",
        "tests/core/test_http_faults.py",
    ),
    "request id that travels": Unplugging(
        "app/core/http_client/call.py",
        '            headers.setdefault("X-Request-ID", current)\n',
        "            pass\n",
        "tests/core/test_http_client.py",
    ),
    "time of calls": Unplugging(
        "app/core/http_client/client.py",
        'with spending("outbound", f"{call.method} {shown(call.url)}"):',
        "if True:",
        "tests/core/test_http_client.py",
    ),
    "limit of connections": Unplugging(
        "app/core/http_client/session.py",
        "limit=settings.http_max_connections,",
        "limit=0,",
        "tests/core/test_http_many.py",
    ),
    "limit of connections per host": Unplugging(
        "app/core/http_client/session.py",
        "limit_per_host=settings.http_max_connections_per_host",
        "limit_per_host=0",
        "tests/core/test_http_many.py",
    ),
    "limit of an answer": Unplugging(
        "app/core/http_client/call.py",
        "            if len(body) > self._settings.http_max_response_bytes:\n",
        "            if not body:\n",
        "tests/core/test_http_client.py",
    ),
    "cookies of nobody": Unplugging(
        "app/core/http_client/session.py",
        "        cookie_jar=aiohttp.DummyCookieJar(),\n",
        "",
        "tests/core/test_http_client.py",
    ),
    "retries": Unplugging(
        "app/core/http_client/call.py",
        "if tried >= self._settings.http_retries or not may_be_repeated:",
        "if tried >= 0:",
        "tests/core/test_http_retries.py",
    ),
    "retries of what is safe alone": Unplugging(
        "app/core/http_client/call.py",
        "may_be_repeated = call.may_be_repeated or was_never_sent(error)",
        "may_be_repeated = True",
        "tests/core/test_http_retries.py",
    ),
    "budget of retries": Unplugging(
        "app/core/http_client/host.py",
        "        self._budget -= 1\n",
        "",
        "tests/core/test_http_retries.py",
    ),
    "no retries behind our back": Unplugging(
        "app/core/http_client/session.py",
        "    session._retry_connection = False\n",
        "",
        "tests/core/test_http_retries.py",
    ),
    "pause that was asked for": Unplugging(
        "app/core/http_client/call.py",
        "return asked + pause if",
        "return pause if",
        "tests/core/test_http_retries.py",
    ),
    "breaker of a host": Unplugging(
        "app/core/http_client/host.py",
        "        self.breaker.trip()\n",
        "",
        "tests/core/test_http_faults.py",
    ),
    "end of the breaker": Unplugging(
        "app/core/http_client/call.py",
        "                host.breaker.close()\n                return answer\n",
        "                return answer\n",
        "tests/core/test_http_faults.py",
    ),
    "innocence of who got little time": Unplugging(
        "app/core/http_client/call.py",
        " or (is_out_of_time and call.is_hurried)",
        "",
        "tests/core/test_http_faults.py",
    ),
    "bound of what is known of hosts": Unplugging(
        "app/core/http_client/host.py",
        "            if len(self._hosts) > MOST_HOSTS:\n",
        "            if not self._hosts:\n",
        "tests/core/test_http_faults.py",
    ),
    "failures among answers": Unplugging(
        "app/core/http_client/client.py",
        "                except AppError as error:\n                    return error\n",
        "                except AppError:\n                    raise\n",
        "tests/core/test_http_many.py",
    ),
    "calls that take turns": Unplugging(
        "app/core/http_client/client.py",
        "asyncio.Semaphore(at_once)",
        "asyncio.Semaphore(1_000)",
        "tests/core/test_http_many.py",
    ),
    "addresses for everybody": Unplugging(
        "app/core/http_client/client.py",
        "None if is_open else public_socket",
        "None",
        "tests/core/test_addresses.py",
    ),
    "addresses within addresses": Unplugging(
        "app/core/http_client/addresses.py",
        "        inner = carried(found)\n",
        "        inner = None\n",
        "tests/core/test_addresses.py",
    ),
    "discretion towards strangers": Unplugging(
        "app/core/http_client/call.py",
        "        if not self._is_among_friends:\n            return call.headers\n",
        "",
        "tests/core/test_addresses.py",
    ),
    "client for links": Unplugging(
        "app/features/posts/previews.py",
        "WebClientDep",
        "HttpClientDep",
        "tests/features/posts/test_previews.py",
    ),
    "effects of a direct transaction": Unplugging(
        "app/core/database/session.py",
        "        await run_effects(transaction.effects)\n",
        "",
        "tests/core/test_direct.py",
    ),
    "end of streams and sockets": Unplugging(
        "app/core/live/hub.py",
        "        await shutdown.wait_for_close()\n",
        "        await asyncio.Event().wait()\n",
        "tests/core/test_live_sockets.py",
    ),
    "the service's own end, told to who listens": Unplugging(
        "app/core/lifespan.py",
        "shutdown=shutdown,",
        "shutdown=Shutdown(),",
        "tests/features/posts/test_live.py",
    ),
    "bound of what waits for a listener": Unplugging(
        "app/core/live/subscription.py",
        "if len(self._waiting) >= self._most:",
        "if self._most < 0:",
        "tests/core/test_live_sockets.py",
    ),
    "end of who stalls": Unplugging(
        "app/core/live/subscription.py",
        "            self._limit.reschedule(",
        "            print(",
        "tests/core/test_live_queues.py",
    ),
    "time for listeners in a burst": Unplugging(
        "app/core/live/hub.py",
        "            if number % AT_ONCE == 0:\n",
        "            if number < 0:\n",
        "tests/core/test_live_queues.py",
    ),
    "history of messages": Unplugging(
        "app/core/live/hub.py",
        "        self._history.add(message)\n",
        "",
        "tests/core/test_live_streams.py",
    ),
    "bound of the history": Unplugging(
        "app/core/live/history.py",
        "len(self) > self._most_messages or",
        "",
        "tests/core/test_live_queues.py",
    ),
    "word of what was missed": Unplugging(
        "app/core/live/hub.py",
        'replayed = [reset_after(self.latest or "")]',
        "replayed = list[Message]()",
        "tests/core/test_live_streams.py",
    ),
    "comments in silent streams": Unplugging(
        "app/core/live/streams.py",
        "asyncio.timeout(settings.live_keepalive_seconds)",
        "asyncio.timeout(None)",
        "tests/core/test_live_streams.py",
    ),
    "streams that nobody keeps": Unplugging(
        "app/core/live/streams.py",
        "super().__init__((), status_code, headers=HEADERS)",
        "super().__init__((), status_code)",
        "tests/core/test_live_streams.py",
    ),
    "origin of sockets": Unplugging(
        "app/features/posts/live.py",
        "Depends(check_origin), ",
        "",
        "tests/features/posts/test_live.py",
    ),
    "who may listen": Unplugging(
        "app/features/posts/live.py",
        ", Depends(admit)",
        "",
        "tests/features/posts/test_live.py",
    ),
    "limit of what sockets send": Unplugging(
        "app/core/live/sockets.py",
        "if len(text.encode()) > most_bytes:",
        "if not text:",
        "tests/core/test_live_sockets.py",
    ),
    "news of a post": Unplugging(
        "app/features/posts/endpoints.py",
        '.publish("post", body, topics=topics_of(post.author.id))',
        '.publish("post", body, topics=())',
        "tests/features/posts/test_live.py",
    ),
    "word of messages that don't cross": Unplugging(
        "app/core/live/relay.py",
        "    if settings.workers > 1 and parent_process() is None:\n",
        "    if settings.workers < 1 and parent_process() is None:\n",
        "tests/core/test_local_relay.py",
    ),
    "commit of a single statement": Unplugging(
        "app/core/database/engine.py",
        "alone = begun",
        "from contextlib import nullcontext as alone",
        "tests/core/test_direct.py",
    ),
    "words of a post that changed": Unplugging(
        "app/features/posts/queries.py",
        '.where(Post.version == bindparam("version"))',
        '.where(bindparam("version") == bindparam("version"))',
        "tests/features/posts/test_writes.py",
    ),
    "repetition of a unit of work": Unplugging(
        "app/core/database/session.py",
        "if failure_of(error) is not Failure.CONFLICT:",
        "if error:",
        "tests/core/test_session.py",
    ),
    "clock at every query": Unplugging(
        "app/core/database/session.py",
        "            monitor.watch(read_engine.sync_engine)\n",
        "            pass\n",
        "tests/core/test_monitor.py",
    ),
    "clock at every direct query": Unplugging(
        "app/core/database/direct.py",
        "            self._monitor.note(sql, time.perf_counter() - started)\n",
        "            pass\n",
        "tests/core/test_monitor.py",
    ),
    "waits of the pool": Unplugging(
        "app/core/database/session.py",
        "            pool.waits = self.waits\n",
        "            pass\n",
        "tests/core/test_pool.py",
    ),
    "what a connection was left in": Unplugging(
        "app/core/database/engine.py",
        'attrgetter("in_transaction")',
        "lambda _: False",
        "tests/core/test_engine.py",
    ),
    "end of what nobody waits for": Unplugging(
        "app/core/database/engine.py",
        "            self._dialect.get_driver_connection(connection)._conn.interrupt()\n",
        "            pass\n",
        "tests/core/test_engine.py",
    ),
    "budget of the pool": Unplugging(
        "app/core/database/session.py",
        "await check_budget(connection, self.budget, self._processes)",
        "pass",
        "tests/core/test_pool.py",
    ),
    "check before the start": Unplugging(
        "app/core/server/entry.py",
        "        asyncio.run(check(settings))\n",
        "",
        "tests/core/test_boot.py",
    ),
    "signature of cursors": Unplugging(
        "app/core/pagination.py",
        "if not hmac.compare_digest(signed, signature(packed, secret)):",
        "if len(packed) < LAYOUT.size:",
        "tests/core/test_pagination.py",
    ),
    "secret of cursors": Unplugging(
        "app/features/posts/reader.py",
        'self.state["settings"].cursor_secret',
        'type(self.state["settings"].cursor_secret)("")',
        "tests/features/posts/test_lists.py",
    ),
    "routes without a level of their own": Unplugging(
        "app/core/routing.py",
        "route_class_override=type(route), ",
        "",
        "tests/core/test_routing.py",
    ),
    "formulas made harmless": Unplugging(
        "app/core/database/csv.py",
        'constant("\'") + value',
        "value",
        "tests/core/test_csv.py",
    ),
    "end of a download": Unplugging(
        "app/core/streaming.py",
        "            await chunks.aclose()\n",
        "            pass\n",
        "tests/core/test_streaming.py",
    ),
}
# In a service without a database, and so with the other example.
OTHER_FAULTS = {
    "news of a repository": Unplugging(
        "app/features/repositories/endpoints.py",
        "    await repositories.tell(found)\n",
        "",
        "tests/features/repositories/test_live.py",
    ),
    "tasks that run": Unplugging(
        "app/core/lifespan.py",
        '        working(state["broker"], settings, state) as runner,\n',
        '        __import__("contextlib").nullcontext(state["broker"]) as runner,\n',
        "tests/core/test_task_status.py",
    ),
    "calls side by side": Unplugging(
        "app/features/repositories/service.py",
        "                languages = calls",
        "                await repository\n                languages = calls",
        "tests/features/repositories/test_endpoints.py",
    ),
    "one failure for all": Unplugging(
        "app/features/repositories/service.py",
        "            raise failed.exceptions[0] from failed\n",
        "            raise\n",
        "tests/features/repositories/test_endpoints.py",
    ),
    "cached repository": Unplugging(
        "app/features/repositories/service.py",
        "await cache.get_or_load(key_of(name), lambda: self.load(name))",
        "await self.load(name)",
        "tests/features/repositories/test_cached.py",
    ),
    "validation of what GitHub answers": Unplugging(
        "app/features/repositories/upstream.py",
        "return expected.validate_python(answer.json())",
        "return answer.json()",
        "tests/features/repositories/test_endpoints.py",
    ),
    "names that lead elsewhere": Unplugging(
        "app/features/repositories/endpoints.py",
        "^[.]*[A-Za-z0-9_-][A-Za-z0-9._-]*$",
        "^.+$",
        "tests/features/repositories/test_endpoints.py",
    ),
}


# With a cache that processes share.
SHARED_FAULTS = {
    "place in the stream": Unplugging(
        "app/core/live/relay.py",
        "            receiver.begin(None)\n",
        "            receiver.begin(await self._kept())\n",
        "tests/core/test_stream_relay.py",
    ),
    "word to the other processes": Unplugging(
        "app/core/cache/store.py",
        "        await self._client.publish(self.changes.channel, self.changes.message(names))\n",
        "",
        "tests/core/test_shared_cache.py",
    ),
    "version of what changed": Unplugging(
        "app/core/cache/store.py",
        "                pipeline.set(version, new_version(), ex=VERSION_SECONDS)\n",
        "                pass\n",
        "tests/core/test_shared_cache.py",
    ),
    "one load for all processes": Unplugging(
        "app/core/cache/store.py",
        "nx=True, px=",
        "px=",
        "tests/core/test_shared_cache.py",
    ),
    "patience with redis": Unplugging(
        "app/core/cache/redis_client.py",
        '        "socket_timeout": timeout_seconds,\n',
        '        "socket_timeout": 5,\n',
        "tests/core/test_redis_client.py",
    ),
    "patience of reads": Unplugging(
        "app/core/pipeline.py",
        "        if left <= 0:\n",
        "        if left <= -60:\n",
        "tests/core/test_pipeline.py",
    ),
    "one connection for all": Unplugging(
        "app/core/pipeline.py",
        "self._pipeline = Pipeline(writer, self._timeout_seconds)\n        return self._pipeline",
        "return Pipeline(writer, self._timeout_seconds)",
        "tests/core/test_pipeline.py",
    ),
    "one attempt to connect for all": Unplugging(
        "app/core/pipeline.py",
        "            # All wait for one attempt, and hear how it went.\n",
        "            if self._opening is not None and not self._opening.done():\n"
        "                raise ConnectionError\n",
        "tests/core/test_pipeline.py",
    ),
    "breaker": Unplugging(
        "app/core/cache/store.py",
        "            self._breaker.trip()\n",
        "",
        "tests/core/test_shared_cache.py",
    ),
    "end of copies with their channel": Unplugging(
        "app/core/cache/changes.py",
        "                self._when_changed(None)\n",
        "                pass\n",
        "tests/core/test_shared_cache.py",
    ),
    "what is owed to redis": Unplugging(
        "app/core/cache/store.py",
        "                await self._pay()\n            value,",
        "                pass\n            value,",
        "tests/core/test_shared_cache.py",
    ),
}
# On a server, which may go away.
SERVER_FAULTS = {
    "messages that are left at the end": Unplugging(
        "app/core/live/hub.py",
        "            await self._outbox.drain()\n",
        "",
        "tests/core/test_relay.py",
    ),
    "return of a relay": Unplugging(
        "app/core/live/hub.py",
        "            self._began.clear()\n",
        "            self._began.clear()\n            await asyncio.Event().wait()\n",
        "tests/core/test_relay.py",
    ),
    "connection that listens, in the budget": Unplugging(
        "app/core/lifespan.py",
        "open_database(settings, extra=1)",
        "open_database(settings)",
        "tests/core/test_listen.py",
    ),
    "look at a connection before it is used": Unplugging(
        "app/core/database/engine.py",
        "Driver.is_closed,",
        "lambda _: False,",
        "tests/core/test_faults.py",
    ),
    "time limit of statements": Unplugging(
        "app/core/database/engine.py",
        '        "statement_timeout": settings.database_statement_timeout_seconds,\n',
        "",
        "tests/core/test_engine.py",
    ),
    "patience with the pool": Unplugging(
        "app/core/database/connections.py",
        '        "pool_timeout": settings.database_pool_timeout_seconds,\n',
        "",
        "tests/core/test_faults.py",
    ),
    "lock of migrations": Unplugging(
        "app/core/database/engine.py",
        "pg_advisory_xact_lock(:number)",
        "CAST(:number AS bigint)",
        "tests/core/test_migrations.py",
    ),
    "network errors by their name": Unplugging(
        "app/core/database/engine.py",
        '        "async_creator_fn": connect,\n',
        "",
        "tests/core/test_session.py",
    ),
    "index of a list": Unplugging(
        "migrations/versions/0001_posts.py",
        '    op.create_index(op.f("ix_posts_created_at_id"), "posts", ["created_at", "id"])\n',
        "",
        "tests/features/posts/test_queries.py",
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
