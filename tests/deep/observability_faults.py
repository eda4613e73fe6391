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
        CONTEXT,
    ),
    "trace that travels": Unplugging(
        f"{CORE}/http_client/call.py",
        "            headers.update(trace.headers())\n",
        "            pass\n",
        CONTEXT,
    ),
    "trace of a task": Unplugging(
        f"{CORE}/tasks/runner.py", "        trace_context.set(message.trace)\n", "", CONTEXT
    ),
    "trace in the log": Unplugging(
        f"{WATCH}/lines.py", "if trace := trace_id():", "if trace := None:", CONTEXT
    ),
    "trace at the terminal": Unplugging(
        f"{WATCH}/lines.py", "(request_id.get(), trace_id())", "(request_id.get(),)", CONTEXT
    ),
    "soundness of a trace": Unplugging(
        f"{WATCH}/trace_context.py", "not PARENT.fullmatch(parents[0])", "not parents[0]", CONTEXT
    ),
    "length of a state": Unplugging(f"{WATCH}/trace_context.py", "[ -~]{0,512}", "[ -~]*", CONTEXT),
    "name of a task that waits": Unplugging(
        f"{CORE}/tasks/runner.py", "        timing.set(TaskTiming(message.name))\n", "", TIMING
    ),
    "what took longest": Unplugging(
        f"{WATCH}/timing.py", "if seconds > spent.longest_seconds:", "if seconds < 0:", TIMING
    ),
}
# In a service with traces, reports, a database and Redis.
WATCH_FAULTS = {
    "span of a request": Unplugging(
        f"{CORE}/application.py",
        "        stack.append(Middleware(TracingMiddleware))\n",
        "        pass\n",
        TRACING,
    ),
    "span of a task": Unplugging(
        f"{CORE}/tasks/working.py", "runner = TracedRunner(", "runner = Runner(", TRACING
    ),
    "span above a task": Unplugging(
        f"{CORE}/tasks/broker.py", 'with spending("enqueue", call.name):', "if call:", TRACING
    ),
    "span of a call": Unplugging(
        f"{CORE}/http_client/client.py",
        'with spending("outbound", f"{call.method} {shown(call.url)}"):',
        "if call:",
        TRACING,
    ),
    "span that calls": Unplugging(
        f"{WATCH}/spans.py",
        "token = trace_context.set(told(span))",
        "token = trace_context.set(trace_context.get())",
        TRACING,
    ),
    "span of the caller": Unplugging(
        f"{WATCH}/tracing.py", "parent_of(trace_context.get())", "parent_of(None)", TRACING
    ),
    "share of requests": Unplugging(
        f"{WATCH}/tracing.py",
        "        sampler=ParentBased(TraceIdRatioBased(settings.tracing_sample_ratio)),\n",
        "",
        TRACING,
    ),
    "decision of the caller": Unplugging(
        f"{WATCH}/tracing.py",
        "ParentBased(TraceIdRatioBased(settings.tracing_sample_ratio))",
        "TraceIdRatioBased(settings.tracing_sample_ratio)",
        TRACING,
    ),
    "discretion about calls": Unplugging(
        f"{CORE}/http_client/answer.py",
        'return f"{url.origin()}{url.raw_path}"',
        'return f"{url}"',
        TRACING,
    ),
    "discretion about errors": Unplugging(
        f"{WATCH}/tracing.py",
        "use_span(span, record_exception=False, set_status_on_exception=False)",
        "use_span(span)",
        TRACING,
    ),
    "silence about probes": Unplugging(
        f"{CORE}/middleware/tracing.py", ' or scope["path"] in UNRECORDED', "", TRACING
    ),
    "calm about a collector": Unplugging(
        f"{WATCH}/tracing.py",
        '        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)\n',
        "",
        COLLECTOR,
    ),
    "last spans": Unplugging(
        f"{WATCH}/tracing.py", "        ending.start()\n", "        return\n", COLLECTOR
    ),
    "patience with a collector at the end": Unplugging(
        f"{WATCH}/tracing.py", "(ending.join, FLUSH_SECONDS)", "(ending.join)", COLLECTOR
    ),
    "name of the environment": Unplugging(
        f"{WATCH}/tracing.py", ": settings.environment,", ': "production",', TRACING
    ),
    "spans of what sessions ask": Unplugging(
        f"{CORE}/database/monitor.py", 'spend("db", seconds, sql)', "pass", QUERIES
    ),
    "spans of what goes past sessions": Unplugging(
        f"{CORE}/database/direct.py",
        "            self._monitor.note(sql, time.perf_counter() - started)\n",
        "            pass\n",
        QUERIES,
    ),
    "spans of the cache": Unplugging(
        f"{CORE}/cache/store.py",
        '            spend("cache", time.perf_counter() - started, name)\n',
        "            pass\n",
        WHOLE,
    ),
    "spans of a limit": Unplugging(
        f"{CORE}/rate_limit/counter.py", 'with spending("limit", "EVAL"):', "if keys:", WHOLE
    ),
    "reports": Unplugging(
        f"{CORE}/lifespan.py", "        await opened(open_reports(settings))\n", "", REPORTS
    ),
    "reports of what is logged": Unplugging(
        f"{WATCH}/reports.py", "    logging.getLogger().addHandler(handler)\n", "", REPORTS
    ),
    "where an error happened": Unplugging(
        f"{WATCH}/reports.py",
        "        before_send=partial(complete, Redaction(settings.log_secrets)),\n",
        "",
        REPORTS,
    ),
    "discretion about variables": Unplugging(
        f"{WATCH}/reports.py", "        include_local_variables=False,\n", "", REPORTS
    ),
    "discretion about what didn't validate": Unplugging(
        f"{WATCH}/reports.py", '.partition("\\n")[0]', "", REPORTS
    ),
    "discretion about what is logged": Unplugging(
        f"{WATCH}/reports.py", '    event.pop("extra", None)\n', "", REPORTS
    ),
    "secrets in what is logged": Unplugging(
        f"{WATCH}/reports.py", "return redaction.text(", "return str(", REPORTS
    ),
    "share of reports": Unplugging(
        f"{WATCH}/reports.py", "        sample_rate=settings.sentry_sample_rate,\n", "", REPORTS
    ),
    "last reports": Unplugging(
        f"{WATCH}/reports.py",
        "        await asyncio.to_thread(sentry_sdk.get_client().close, FLUSH_SECONDS)\n",
        "        pass\n",
        REPORTS,
    ),
    "where a task died": Unplugging(
        f"{CORE}/tasks/runner.py",
        "self._bury(started, told, error)",
        "self._bury(started, told)",
        REPORTS,
    ),
}
