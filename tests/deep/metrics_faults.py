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
        f"{METRICS}::test_requests_are_counted_by_route_and_status",
    ),
    "sizes of answers": Unplugging(
        "app/core/middleware/envelope.py",
        '                size += len(message.get("body", b""))\n',
        "                pass\n",
        f"{METRICS}::test_sizes_are_counted_as_they_were_sent",
    ),
    "numbers of errors": Unplugging(
        "app/core/middleware/envelope.py",
        "            ERRORS.labels(current.path, type(error).__name__).inc()\n",
        "",
        f"{METRICS}::test_requests_are_counted_by_route_and_status",
    ),
    "requests in flight": Unplugging(
        "app/core/middleware/envelope.py",
        "        traffic.in_flight += is_request\n",
        "",
        f"{METRICS}::test_the_process_is_seen",
    ),
    "bounds of labels": Unplugging(
        f"{OBSERVABILITY}/metrics.py",
        'method if method in METHODS else "other"',
        "method",
        f"{METRICS}::test_unknown_paths_and_methods_are_one_series",
    ),
    "numbers of operations": Unplugging(
        f"{OBSERVABILITY}/timing.py",
        "        operation_number(name).observe(time.perf_counter() - started)\n",
        "        pass\n",
        f"{METRICS}::test_requests_are_counted_by_route_and_status",
    ),
    "numbers of queries": Unplugging(
        f"{OBSERVABILITY}/timing.py",
        "    operation_number(name).observe(seconds)\n",
        "",
        f"{DATABASE}::test_queries_are_counted",
    ),
    "lag of the event loop": Unplugging(
        f"{OBSERVABILITY}/watch.py",
        "                LAG.observe(lag)\n",
        "",
        f"{METRICS}::test_a_blocked_event_loop_is_seen",
    ),
    "numbers of resources": Unplugging(
        f"{OBSERVABILITY}/watch.py",
        "gauge(name).set(value)\n",
        "pass\n",
        f"{METRICS}::test_everything_that_is_open_is_seen",
    ),
    "a look before each answer": Unplugging(
        f"{OBSERVABILITY}/management.py",
        '    connection.state.watch.look(connection.scope["state"])\n',
        "",
        f"{METRICS}::test_the_process_is_seen",
    ),
    "numbers of all processes": Unplugging(
        "app/core/server/supervisor.py",
        "        self._numbers.give(place)\n",
        "",
        f"{METRICS}::test_a_killed_process_takes_no_numbers_with_it",
    ),
    "numbers of tasks": Unplugging(
        "app/core/tasks/runner.py",
        "            TASKS_RUN.labels(task.name).observe(spent)\n",
        "",
        "tests/core/test_task_numbers.py::test_what_became_of_tasks_is_counted",
    ),
    "numbers of failed tasks": Unplugging(
        "app/core/tasks/runner.py",
        "        TASKS_FAILED.labels(task.name, type(error).__name__).inc()\n",
        "",
        "tests/core/test_task_numbers.py::test_what_became_of_tasks_is_counted",
    ),
    "numbers of connections": Unplugging(
        "app/core/database/session.py",
        "            **self.waits.stats(),\n",
        "",
        "tests/core/test_database_numbers.py::test_an_empty_pool_is_seen",
    ),
    "numbers of the cache": Unplugging(
        "app/core/cache/cache.py",
        '    totals = frozenset({"errors", "hits", "load_seconds", "loads", "misses", "stale"})\n',
        "    totals = frozenset({})\n",
        "tests/core/test_cache_numbers.py::test_reads_are_counted",
    ),
    "closed management": Unplugging(
        f"{OBSERVABILITY}/management.py",
        "        raise NotHere\n",
        "        return\n",
        f"{MANAGEMENT}::test_the_public_sees_probes_alone",
    ),
    "token of management": Unplugging(
        f"{OBSERVABILITY}/management.py",
        "        raise NoToken\n",
        "        return\n",
        f"{MANAGEMENT}::test_the_token_opens_it",
    ),
    "port of management": Unplugging(
        f"{OBSERVABILITY}/management.py",
        "server[1] == settings.management_port",
        "server[1] == 0",
        f"{MANAGEMENT}::test_a_port_of_its_own",
    ),
    "management of tasks": Unplugging(
        "app/core/tasks/status.py",
        ", dependencies=[MANAGEMENT])",
        ")",
        f"{MANAGEMENT}::test_the_public_sees_probes_alone",
    ),
    "status page": Unplugging(
        "app/core/application.py",
        "    add_routes(app, status_page.router)\n",
        "",
        "tests/core/test_status_page.py::test_it_shows_what_is_open_and_what_is_slow",
    ),
    "markup in names": Unplugging(
        f"{OBSERVABILITY}/status_page.py",
        'f"<tr><td>{escape(name)}',
        'f"<tr><td>{name}',
        "tests/core/test_status_page.py::test_a_name_is_no_markup",
    ),
    "one question for many": Unplugging(
        f"{OBSERVABILITY}/health.py",
        "        if self._asking is None or self._asking.done():\n",
        "        if True:\n",
        "tests/core/test_health.py::test_many_who_ask_at_once_are_one_question",
    ),
    "what is degraded": Unplugging(
        f"{OBSERVABILITY}/health.py",
        " if is_degraded(resource)]",
        " if False]",
        "tests/core/test_health.py::test_what_the_service_can_do_without_is_named",
    ),
    "line of a request": Unplugging(
        "app/core/middleware/envelope.py",
        "                self.log.note(current, status, took)\n",
        "",
        f"{LOGGING}::test_a_request_is_a_line",
    ),
    "share of requests that are logged": Unplugging(
        "app/core/middleware/request_log.py",
        "random.random() >= rate",
        "False",
        f"{LOGGING}::test_hot_routes_and_probes_are_not_logged",
    ),
    "failures in the log": Unplugging(
        "app/core/middleware/request_log.py",
        "            if status < HTTPStatus.INTERNAL_SERVER_ERROR:\n",
        "            if True:\n",
        f"{LOGGING}::test_what_failed_is_logged_in_any_case",
    ),
    "levels of loggers": Unplugging(
        f"{OBSERVABILITY}/logging.py",
        "settings.log_levels.items()",
        "()",
        f"{LOGGING}::test_levels_are_settings",
    ),
    "text at a terminal": Unplugging(
        f"{OBSERVABILITY}/logging.py",
        "stream.isatty()",
        "False",
        f"{LOGGING}::test_text_is_for_terminals",
    ),
    "bounds of the log": Unplugging(
        f"{OBSERVABILITY}/log_writer.py",
        "len(self._lines) >= MOST_LINES",
        "False",
        f"{LOGGING}::test_nobody_waits_for_a_terminal",
    ),
    "end of who writes lines": Unplugging(
        f"{OBSERVABILITY}/log_writer.py",
        "            self._put(None)\n",
        "",
        f"{LOGGING}::test_who_is_replaced_ends_its_thread",
    ),
    "lines off the event loop": Unplugging(
        f"{OBSERVABILITY}/log_writer.py",
        "        self._put(line)\n",
        '        self._stream.write(f"{line}\\n")\n',
        f"{LOGGING}::test_nobody_waits_for_a_terminal",
    ),
    "lines together": Unplugging(
        f"{OBSERVABILITY}/log_writer.py",
        "                self._hurry.wait(PAUSE_SECONDS)\n",
        "",
        f"{LOGGING}::test_nobody_waits_for_a_terminal",
    ),
    "haste of warnings": Unplugging(
        f"{OBSERVABILITY}/log_writer.py",
        "record.levelno >= logging.WARNING",
        "False",
        f"{LOGGING}::test_lines_wait_for_others_unless_they_warn",
    ),
    "secrets in what is logged": Unplugging(
        f"{OBSERVABILITY}/lines.py",
        "self._redaction.concerns(suspect)",
        "False",
        f"{REDACTION}::test_no_secret_of_a_request_reaches_the_log",
    ),
    "secrets in paths": Unplugging(
        f"{OBSERVABILITY}/lines.py",
        "record.outside\n",
        '""\n',
        f"{REDACTION}::test_no_secret_reaches_the_line_of_a_request",
    ),
    "secrets in what was slow": Unplugging(
        "app/core/middleware/request_log.py",
        "            outside += message\n",
        "",
        f"{REDACTION}::test_no_secret_reaches_the_line_of_a_request",
    ),
    "secrets in objects": Unplugging(
        f"{OBSERVABILITY}/redaction.py",
        "return self.value(name, to_jsonable_python(",
        "return (to_jsonable_python(",
        f"{REDACTION}::test_no_secret_of_a_request_reaches_the_log",
    ),
    "secrets in text": Unplugging(
        f"{OBSERVABILITY}/lines.py",
        "self._redaction.text(super().format(record))",
        "super().format(record)",
        f"{REDACTION}::test_no_secret_of_a_request_reaches_the_log",
    ),
}
