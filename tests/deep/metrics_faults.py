"""What tells how a service is, unplugged."""

from deep.unplugging import Unplugging

OBSERVABILITY = "app/core/observability"
DATABASE = "tests/core/test_database_numbers.py"
METRICS = "tests/core/test_metrics.py"
MANAGEMENT = "tests/core/test_management.py"
LOGGING = "tests/core/test_logging.py"
REDACTION = "tests/core/test_redaction.py"

METRICS_FAULTS = {
    "numbers of requests": Unplugging(
        "app/core/middleware/envelope.py",
        '                count_request(scope["method"], current.path, status, took, size)\n',
        "",
        METRICS,
    ),
    "sizes of answers": Unplugging(
        "app/core/middleware/envelope.py",
        '                size += len(message.get("body", b""))\n',
        "                pass\n",
        METRICS,
    ),
    "numbers of errors": Unplugging(
        "app/core/middleware/envelope.py",
        "            ERRORS.labels(current.path, type(error).__name__).inc()\n",
        "",
        METRICS,
    ),
    "requests in flight": Unplugging(
        "app/core/middleware/envelope.py", "        traffic.in_flight += is_request\n", "", METRICS
    ),
    "bounds of labels": Unplugging(
        f"{OBSERVABILITY}/metrics.py", 'method if method in METHODS else "other"', "method", METRICS
    ),
    "numbers of operations": Unplugging(
        f"{OBSERVABILITY}/timing.py",
        "        operation_number(name).observe(time.perf_counter() - started)\n",
        "        pass\n",
        METRICS,
    ),
    "numbers of queries": Unplugging(
        f"{OBSERVABILITY}/timing.py",
        "    operation_number(name).observe(seconds)\n",
        "",
        DATABASE,
    ),
    "lag of the event loop": Unplugging(
        f"{OBSERVABILITY}/watch.py", "                LAG.observe(lag)\n", "", METRICS
    ),
    "numbers of resources": Unplugging(
        f"{OBSERVABILITY}/watch.py", "gauge(name).set(value)\n", "pass\n", METRICS
    ),
    "a look before each answer": Unplugging(
        f"{OBSERVABILITY}/management.py",
        '    connection.state.watch.look(connection.scope["state"])\n',
        "",
        METRICS,
    ),
    "numbers of all processes": Unplugging(
        "app/core/server/supervisor.py", "        self._numbers.give(place)\n", "", METRICS
    ),
    "numbers of tasks": Unplugging(
        "app/core/tasks/runner.py",
        "            TASKS_RUN.labels(task.name).observe(spent)\n",
        "",
        "tests/core/test_task_numbers.py",
    ),
    "numbers of failed tasks": Unplugging(
        "app/core/tasks/runner.py",
        "        TASKS_FAILED.labels(task.name, type(error).__name__).inc()\n",
        "",
        "tests/core/test_task_numbers.py",
    ),
    "numbers of connections": Unplugging(
        "app/core/database/session.py",
        "            **self.waits.stats(),\n",
        "",
        "tests/core/test_database_numbers.py",
    ),
    "numbers of the cache": Unplugging(
        "app/core/cache/cache.py",
        '    totals = frozenset({"errors", "hits", "load_seconds", "loads", "misses", "stale"})\n',
        "    totals = frozenset({})\n",
        "tests/core/test_cache_numbers.py",
    ),
    "closed management": Unplugging(
        f"{OBSERVABILITY}/management.py", "        raise NotHere\n", "        return\n", MANAGEMENT
    ),
    "token of management": Unplugging(
        f"{OBSERVABILITY}/management.py", "        raise NoToken\n", "        return\n", MANAGEMENT
    ),
    "port of management": Unplugging(
        f"{OBSERVABILITY}/management.py",
        "server[1] == settings.management_port",
        "server[1] == 0",
        MANAGEMENT,
    ),
    "management of tasks": Unplugging(
        "app/core/tasks/status.py", ", dependencies=[MANAGEMENT])", ")", MANAGEMENT
    ),
    "status page": Unplugging(
        "app/core/application.py",
        "    add_routes(app, status_page.router)\n",
        "",
        "tests/core/test_status_page.py",
    ),
    "markup in names": Unplugging(
        f"{OBSERVABILITY}/status_page.py",
        'f"<tr><td>{escape(name)}',
        'f"<tr><td>{name}',
        "tests/core/test_status_page.py",
    ),
    "one question for many": Unplugging(
        f"{OBSERVABILITY}/health.py",
        "        if self._asking is None or self._asking.done():\n",
        "        if True:\n",
        "tests/core/test_health.py",
    ),
    "what is degraded": Unplugging(
        f"{OBSERVABILITY}/health.py",
        " if is_degraded(resource)]",
        " if False]",
        "tests/core/test_health.py",
    ),
    "line of a request": Unplugging(
        "app/core/middleware/envelope.py",
        "                self.log.note(current, status, took)\n",
        "",
        LOGGING,
    ),
    "share of requests that are logged": Unplugging(
        "app/core/middleware/request_log.py", "random.random() >= rate", "False", LOGGING
    ),
    "failures in the log": Unplugging(
        "app/core/middleware/request_log.py",
        "            if status < HTTPStatus.INTERNAL_SERVER_ERROR:\n",
        "            if True:\n",
        LOGGING,
    ),
    "levels of loggers": Unplugging(
        f"{OBSERVABILITY}/logging.py", "settings.log_levels.items()", "()", LOGGING
    ),
    "text at a terminal": Unplugging(
        f"{OBSERVABILITY}/logging.py", "stream.isatty()", "False", LOGGING
    ),
    "bounds of the log": Unplugging(
        f"{OBSERVABILITY}/log_writer.py", "len(self._lines) >= MOST_LINES", "False", LOGGING
    ),
    "end of who writes lines": Unplugging(
        f"{OBSERVABILITY}/log_writer.py", "            self._put(None)\n", "", LOGGING
    ),
    "lines off the event loop": Unplugging(
        f"{OBSERVABILITY}/log_writer.py",
        "        self._put(line)\n",
        '        self._stream.write(f"{line}\\n")\n',
        LOGGING,
    ),
    "lines together": Unplugging(
        f"{OBSERVABILITY}/log_writer.py",
        "                self._hurry.wait(PAUSE_SECONDS)\n",
        "",
        LOGGING,
    ),
    "haste of warnings": Unplugging(
        f"{OBSERVABILITY}/log_writer.py", "record.levelno >= logging.WARNING", "False", LOGGING
    ),
    "secrets in what is logged": Unplugging(
        f"{OBSERVABILITY}/lines.py", "self._redaction.concerns(suspect)", "False", REDACTION
    ),
    "secrets in paths": Unplugging(
        f"{OBSERVABILITY}/lines.py", "record.outside\n", '""\n', REDACTION
    ),
    "secrets in what was slow": Unplugging(
        "app/core/middleware/request_log.py", "            outside += message\n", "", REDACTION
    ),
    "secrets in objects": Unplugging(
        f"{OBSERVABILITY}/redaction.py",
        "return self.value(name, to_jsonable_python(",
        "return (to_jsonable_python(",
        REDACTION,
    ),
    "secrets in text": Unplugging(
        f"{OBSERVABILITY}/lines.py",
        "self._redaction.text(super().format(record))",
        "super().format(record)",
        REDACTION,
    ),
}
