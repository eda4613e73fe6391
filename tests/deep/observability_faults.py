"""What a service has to notice about traces, and about reports of errors."""

from deep.unplugging import Unplugging

CORE = "app/core"
WATCH = f"{CORE}/observability"
CONTEXT = "tests/core/test_trace_context.py"
TIMING = "tests/core/test_timing.py"
TRACING = "tests/core/test_tracing.py"
COLLECTOR = "tests/core/test_collector.py"
QUERIES = "tests/core/test_traced_queries.py"
WHOLE = "tests/core/test_whole_trace.py"
REPORTS = "tests/core/test_reports.py"

# Whoever watches.
CONTEXT_FAULTS = {
    "trace of a caller": Unplugging(
        f"{CORE}/middleware/envelope.py",
        "trace_context.set(trace_context_of(scope))",
        "trace_context.set(None)",
        f"{CONTEXT}::test_those_who_are_asked_are_told",
    ),
    "trace that travels": Unplugging(
        f"{CORE}/http_client/call.py",
        "            headers.update(trace.headers())\n",
        "            pass\n",
        f"{CONTEXT}::test_those_who_are_asked_are_told",
    ),
    "trace of a task": Unplugging(
        f"{CORE}/tasks/runner.py",
        "        trace_context.set(message.trace)\n",
        "",
        f"{CONTEXT}::test_its_tasks_are_part_of_it",
    ),
    "trace in the log": Unplugging(
        f"{WATCH}/lines.py",
        "if trace := trace_id():",
        "if trace := None:",
        f"{CONTEXT}::test_each_line_of_the_log_names_it",
    ),
    "trace at the terminal": Unplugging(
        f"{WATCH}/lines.py",
        "(request_id.get(), trace_id())",
        "(request_id.get(),)",
        f"{CONTEXT}::test_each_line_of_the_log_names_it",
    ),
    "soundness of a trace": Unplugging(
        f"{WATCH}/trace_context.py",
        "not PARENT.fullmatch(parents[0])",
        "not parents[0]",
        f"{CONTEXT}::test_what_is_not_sound_is_not_passed_on",
    ),
    "length of a state": Unplugging(
        f"{WATCH}/trace_context.py",
        "[ -~]{0,512}",
        "[ -~]*",
        f"{CONTEXT}::test_a_state_that_is_too_long_is_left_out",
    ),
    "name of a task that waits": Unplugging(
        f"{CORE}/tasks/runner.py",
        "        timing.set(TaskTiming(message.name))\n",
        "",
        f"{TIMING}::test_a_task_is_named_like_a_route",
    ),
    "what took longest": Unplugging(
        f"{WATCH}/timing.py",
        "if seconds > spent.longest_seconds:",
        "if seconds < 0:",
        f"{TIMING}::test_a_slow_request_is_logged_with_its_route",
    ),
}
# In a service with traces, reports, a database and Redis.
WATCH_FAULTS = {
    "span of a request": Unplugging(
        f"{CORE}/application.py",
        "        stack.append(Middleware(TracingMiddleware))\n",
        "        pass\n",
        f"{TRACING}::test_a_request_and_its_task_are_one_trace",
    ),
    "span of a task": Unplugging(
        f"{CORE}/tasks/working.py",
        "runner = TracedRunner(",
        "runner = Runner(",
        f"{TRACING}::test_a_request_and_its_task_are_one_trace",
    ),
    "span above a task": Unplugging(
        f"{CORE}/tasks/broker.py",
        'with spending("enqueue", call.name):',
        "if call:",
        f"{TRACING}::test_a_request_and_its_task_are_one_trace",
    ),
    "span of a call": Unplugging(
        f"{CORE}/http_client/client.py",
        'with spending("outbound", f"{call.method} {shown(call.url)}"):',
        "if call:",
        f"{TRACING}::test_a_request_and_its_task_are_one_trace",
    ),
    "span that calls": Unplugging(
        f"{WATCH}/spans.py",
        "token = trace_context.set(told(span))",
        "token = trace_context.set(trace_context.get())",
        f"{TRACING}::test_a_request_and_its_task_are_one_trace",
    ),
    "span of the caller": Unplugging(
        f"{WATCH}/tracing.py",
        "parent_of(trace_context.get())",
        "parent_of(None)",
        f"{TRACING}::test_a_request_and_its_task_are_one_trace",
    ),
    "share of requests": Unplugging(
        f"{WATCH}/tracing.py",
        "        sampler=ParentBased(TraceIdRatioBased(settings.tracing_sample_ratio)),\n",
        "",
        f"{TRACING}::TestUnsampled::test_nothing_is_sent_and_the_id_is_known",
    ),
    "decision of the caller": Unplugging(
        f"{WATCH}/tracing.py",
        "ParentBased(TraceIdRatioBased(settings.tracing_sample_ratio))",
        "TraceIdRatioBased(settings.tracing_sample_ratio)",
        f"{TRACING}::TestUnsampled::test_a_caller_may_have_decided",
    ),
    "discretion about calls": Unplugging(
        f"{CORE}/http_client/answer.py",
        'return f"{url.origin()}{url.raw_path}"',
        'return f"{url}"',
        f"{TRACING}::test_a_request_and_its_task_are_one_trace",
    ),
    "discretion about errors": Unplugging(
        f"{WATCH}/tracing.py",
        "use_span(span, record_exception=False, set_status_on_exception=False)",
        "use_span(span)",
        f"{TRACING}::test_what_fails_is_marked_and_not_quoted",
    ),
    "silence about probes": Unplugging(
        f"{CORE}/middleware/tracing.py",
        ' or scope["path"] in UNRECORDED',
        "",
        f"{TRACING}::test_probes_leave_no_span",
    ),
    "calm about a collector": Unplugging(
        f"{WATCH}/tracing.py",
        '        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)\n',
        "",
        f"{COLLECTOR}::TestFaults::test_neither_requests_nor_the_end_care",
    ),
    "last spans": Unplugging(
        f"{WATCH}/tracing.py",
        "        ending.start()\n",
        "        return\n",
        f"{COLLECTOR}::test_what_was_not_sent_is_sent_at_the_end",
    ),
    "patience with a collector at the end": Unplugging(
        f"{WATCH}/tracing.py",
        "(ending.join, FLUSH_SECONDS)",
        "(ending.join)",
        f"{COLLECTOR}::TestFaults::test_neither_requests_nor_the_end_care",
    ),
    "name of the environment": Unplugging(
        f"{WATCH}/tracing.py",
        ": settings.environment,",
        ': "production",',
        f"{TRACING}::test_spans_say_whose_they_are",
    ),
    "spans of what sessions ask": Unplugging(
        f"{CORE}/database/monitor.py",
        'spend("db", seconds, sql)',
        "pass",
        f"{QUERIES}::test_a_session_leaves_one",
    ),
    "spans of what goes past sessions": Unplugging(
        f"{CORE}/database/direct.py",
        "            self._monitor.note(sql, time.perf_counter() - started)\n",
        "            pass\n",
        f"{QUERIES}::test_the_direct_path_leaves_one",
    ),
    "spans of the cache": Unplugging(
        f"{CORE}/cache/store.py",
        '            spend("cache", time.perf_counter() - started, name)\n',
        "            pass\n",
        f"{WHOLE}::test_it_is_one_trace_with_everything_in_it",
    ),
    "spans of a limit": Unplugging(
        f"{CORE}/rate_limit/counter.py",
        'with spending("limit", "EVAL"):',
        "if keys:",
        f"{WHOLE}::test_it_is_one_trace_with_everything_in_it",
    ),
    "reports": Unplugging(
        f"{CORE}/lifespan.py",
        "        await opened(open_reports(settings))\n",
        "",
        f"{REPORTS}::test_what_nobody_caught_is_told",
    ),
    "reports of what is logged": Unplugging(
        f"{WATCH}/reports.py",
        "    logging.getLogger().addHandler(handler)\n",
        "",
        f"{REPORTS}::test_what_nobody_caught_is_told",
    ),
    "where an error happened": Unplugging(
        f"{WATCH}/reports.py",
        "        before_send=partial(complete, Redaction(settings.log_secrets)),\n",
        "",
        f"{REPORTS}::test_what_nobody_caught_is_told",
    ),
    "discretion about variables": Unplugging(
        f"{WATCH}/reports.py",
        "        include_local_variables=False,\n",
        "",
        f"{REPORTS}::test_what_nobody_caught_is_told",
    ),
    "discretion about what didn't validate": Unplugging(
        f"{WATCH}/reports.py",
        '.partition("\\n")[0]',
        "",
        f"{REPORTS}::test_what_nobody_caught_is_told",
    ),
    "discretion about what is logged": Unplugging(
        f"{WATCH}/reports.py",
        '    event.pop("extra", None)\n',
        "",
        f"{REPORTS}::test_what_is_logged_as_an_error_is_told",
    ),
    "secrets in what is logged": Unplugging(
        f"{WATCH}/reports.py",
        "return redaction.text(",
        "return str(",
        f"{REPORTS}::test_what_is_logged_as_an_error_is_told",
    ),
    "share of reports": Unplugging(
        f"{WATCH}/reports.py",
        "        sample_rate=settings.sentry_sample_rate,\n",
        "",
        f"{REPORTS}::TestSampled::test_only_a_share_is_told",
    ),
    "last reports": Unplugging(
        f"{WATCH}/reports.py",
        "        await asyncio.to_thread(sentry_sdk.get_client().close, FLUSH_SECONDS)\n",
        "        pass\n",
        f"{REPORTS}::test_what_was_not_sent_is_sent_at_the_end",
    ),
    "where a task died": Unplugging(
        f"{CORE}/tasks/runner.py",
        "self._bury(started, told, error)",
        "self._bury(started, told)",
        f"{REPORTS}::test_tasks_that_fail_are_told",
    ),
}
