"""What is wired is alive: whoever unplugs it is told by a test of the service itself."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from deep.installation import Service, install, interpreters
from workbench import Template, succeeded


class Unplugging(NamedTuple):
    """A fault: the text of a file, what it becomes, and the tests that have to notice."""

    path: str
    text: str
    becomes: str
    noticed_by: str


FAULTS = {
    "request id": Unplugging(
        "app/core/application.py",
        "    app.add_middleware(RequestIdMiddleware)\n",
        "",
        "tests/core/test_request_id.py",
    ),
    "unhandled errors": Unplugging(
        "app/core/application.py",
        "    app.add_middleware(UnhandledErrorMiddleware)\n",
        "",
        "tests/core/test_problem.py",
    ),
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
        "migrations/env.py",
        '"database_lock_timeout_seconds": 600',
        "",
        "tests/core/test_migrations.py",
    ),
    "effects after the commit": Unplugging(
        "app/core/database/session.py",
        "                await effect()\n",
        "                pass\n",
        "tests/core/test_session.py",
    ),
    "commit before the response": Unplugging(
        "app/core/database/session.py",
        'Depends(get_session, scope="function")',
        "Depends(get_session)",
        "tests/core/test_transaction.py",
    ),
    "drain of the tasks": Unplugging(
        "app/core/tasks/broker.py",
        "            await self._drain()\n",
        "",
        "tests/core/test_broker.py",
    ),
    "task after a write": Unplugging(
        "app/features/posts/endpoints.py",
        "    session.after_commit(lambda: broker.enqueue(count_words, post.id))\n",
        "",
        "tests/features/posts/test_endpoints.py",
    ),
    "cached read": Unplugging(
        "app/features/posts/service.py",
        "await cache.get_or_load(self.key(post_id), lambda: self.load(post_id))",
        "await self.load(post_id)",
        "tests/features/posts/test_endpoints.py",
    ),
    "invalidation": Unplugging(
        "app/features/posts/service.py",
        "        self.session.after_commit(lambda: cache.invalidate(PostReader.key(post_id)))\n",
        "",
        "tests/features/posts/test_endpoints.py",
    ),
    "single flight": Unplugging(
        "app/core/cache/cache.py",
        "            self._flights[key] = flight\n",
        "",
        "tests/core/test_cache.py",
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
        "app/core/lifespan.py",
        "    limit_cpu_workers(settings)\n",
        "",
        "tests/core/test_concurrency.py",
    ),
    "time limit of probes": Unplugging(
        "app/core/observability/health.py",
        "asyncio.timeout(timeout_seconds)",
        "asyncio.timeout(None)",
        "tests/core/test_health.py",
    ),
    "no log of each request": Unplugging(
        "app/core/server.py",
        "        access_log=False,\n",
        "",
        "tests/core/test_server.py",
    ),
}


@pytest.fixture(scope="module")
def service(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """The embedded default, which has all of these."""
    version = next(iter(interpreters()))
    destination = tmp_path_factory.mktemp("unplugged") / "orders"
    return install(template, destination, {"python_version": version})


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_test_of_the_service_notices(service: Service, tmp_path: Path, fault: Unplugging) -> None:
    """Break one thing in a copy of the service."""
    path = tmp_path / "orders"
    shutil.copytree(service.path, path, ignore=shutil.ignore_patterns(".git", ".venv"))
    module = path / fault.path
    text = module.read_text()
    assert fault.text in text, "the fault no longer fits the code"
    module.write_text(text.replace(fault.text, fault.becomes))
    broken = Service(service.bench, path, service.environment, service.interpreter)

    outcome = broken.run("pytest", "--quiet", "--exitfirst", fault.noticed_by)

    assert outcome.returncode == 1, f"nobody noticed\n{outcome.stdout}\n{outcome.stderr}"


def test_nothing_is_noticed_where_nothing_is_broken(service: Service) -> None:
    """The tests that have to notice pass as the service was rendered."""
    succeeded(service.run("pytest", "--quiet", *sorted({f.noticed_by for f in FAULTS.values()})))
