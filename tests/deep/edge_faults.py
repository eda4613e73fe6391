"""What lies between the socket and a feature, unplugged."""

from deep.unplugging import Unplugging

EDGE_FAULTS = {
    "request id": Unplugging(
        "app/core/middleware/envelope.py",
        "                    (HEADER, name),\n",
        "",
        "tests/core/test_request_id.py::test_a_sane_id_is_kept",
    ),
    "sanity of a request id": Unplugging(
        "app/core/observability/request_id.py",
        " and ACCEPTED.fullmatch(value)",
        "",
        "tests/core/test_request_id.py::test_anything_else_is_replaced",
    ),
    "unhandled errors": Unplugging(
        "app/core/middleware/envelope.py",
        "        except Exception as error:\n",
        "        except SystemExit as error:\n",
        "tests/core/test_problem.py::test_every_error_has_one_shape",
    ),
    "timeouts by their status": Unplugging(
        "app/core/problem.py",
        "    app.exception_handler(TimeoutError)(on_timeout)\n",
        "",
        "tests/core/test_problem.py::test_every_error_has_one_shape",
    ),
    "time of a request": Unplugging(
        "app/core/middleware/envelope.py",
        "                    *timing_headers(current, seconds),\n",
        "",
        "tests/core/test_timing.py::test_the_answer_tells_where_the_time_went",
    ),
    "warning of slow requests": Unplugging(
        "app/core/middleware/request_log.py",
        "        is_slow = seconds > self._slow_seconds\n",
        "        is_slow = False\n",
        "tests/core/test_timing.py::test_a_slow_request_is_logged_with_its_route",
    ),
    "security headers": Unplugging(
        "app/core/middleware/envelope.py",
        '                    *security_headers(headers, scope["scheme"], self.hsts_seconds),\n',
        "",
        "tests/core/test_security_headers.py::test_browsers_are_told",
    ),
    "headers of the route's own": Unplugging(
        "app/core/middleware/security_headers.py",
        "    if said.isdisjoint(headers):",
        "    if True:",
        "tests/core/test_security_headers.py::test_a_route_may_say_otherwise",
    ),
    "pages of other origins": Unplugging(
        "app/core/application.py",
        "        stack.append(Middleware(allow_origins, settings))\n",
        "        pass\n",
        "tests/core/test_cors.py::test_a_page_of_a_known_origin_may_ask",
    ),
    "names of the service": Unplugging(
        "app/core/application.py",
        "        stack.append(Middleware(TrustedHostsMiddleware, settings.trusted_hosts))\n",
        "        pass\n",
        "tests/core/test_trusted_hosts.py::test_it_goes_by_its_names_alone",
    ),
    "bound of what is in flight": Unplugging(
        "app/core/middleware/in_flight.py",
        "        if len(self.running) >= self.most:",
        "        if False:",
        "tests/core/test_in_flight.py::test_more_at_once_are_refused_and_probes_are_not",
    ),
    "probes that are not refused": Unplugging(
        "app/core/middleware/in_flight.py",
        ' or scope["path"] in PROBES',
        "",
        "tests/core/test_in_flight.py::test_more_at_once_are_refused_and_probes_are_not",
    ),
    "end of what is overdue": Unplugging(
        "app/core/middleware/in_flight.py",
        "            self.task.cancel()\n",
        "            pass\n",
        "tests/core/test_in_flight.py::test_what_takes_too_long_is_ended",
    ),
    "wish of the client": Unplugging(
        "app/core/middleware/in_flight.py",
        "            if name == ASKED:",
        "            if False:",
        "tests/core/test_in_flight.py::test_a_client_may_wait_for_less",
    ),
    "time of answers that have begun": Unplugging(
        "app/core/middleware/in_flight.py",
        "            self.running.discard(current)\n            current.ends_at = None\n",
        "",
        "tests/core/test_in_flight.py::test_an_answer_that_has_begun_may_take_its_time",
    ),
    "word of others who cancel": Unplugging(
        "app/core/middleware/in_flight.py",
        " or current.task.uncancel() > 0",
        "",
        "tests/core/test_in_flight.py::test_who_wants_it_to_end_as_well_is_heard",
    ),
    "limit of a body": Unplugging(
        "app/core/application.py",
        "    stack.append(Middleware(BodyLimitMiddleware, settings.max_body_bytes))\n",
        "",
        "tests/core/test_body_limit.py::test_what_is_longer_is_refused",
    ),
    "limit of a body in pieces": Unplugging(
        "app/core/middleware/body_limit.py",
        "            if left < 0:",
        "            if False:",
        "tests/core/test_body_limit.py::test_what_is_longer_is_refused",
    ),
    "rate limit": Unplugging(
        "app/core/application.py",
        "        stack.append(Middleware(RateLimitMiddleware, settings))\n",
        "        pass\n",
        "tests/core/test_rate_limit.py::test_who_asks_too_often_is_told_when_to_ask_again",
    ),
    "window that slides": Unplugging(
        "app/core/rate_limit/windows.py",
        " + self._before.get(who, 0) * (1 - share)",
        "",
        "tests/core/test_rate_limit.py::test_the_window_slides",
    ),
    "keys that tell clients apart": Unplugging(
        "app/core/rate_limit/middleware.py",
        "        if self.header:",
        "        if False:",
        "tests/core/test_rate_limit.py::test_each_client_has_its_own_and_probes_have_none",
    ),
    "compression": Unplugging(
        "app/core/application.py",
        "    stack.append(Middleware(CompressionMiddleware, settings))\n",
        "",
        "tests/core/test_compression.py::test_all_encodings_are_of_the_same_bytes",
    ),
    "weights of encodings": Unplugging(
        "app/core/compression/negotiation.py",
        " and (best is None or quality > liked)",
        " and best is None",
        "tests/core/test_compression.py::test_the_client_chooses",
    ),
    "tags of encoded bodies": Unplugging(
        "app/core/compression/encodable.py",
        "    return [*weaken(vary(left)),",
        "    return [*vary(left),",
        "tests/core/test_compression.py::test_another_representation_has_a_weaker_tag",
    ),
    "word that it depends on the client": Unplugging(
        "app/core/compression/encodable.py",
        "    return [*weaken(vary(left)),",
        "    return [*weaken(left),",
        "tests/core/test_compression.py::test_all_encodings_are_of_the_same_bytes",
    ),
    "pieces that are not held back": Unplugging(
        "app/core/compression/encodings.py",
        " + self._encoder.flush(zlib.Z_SYNC_FLUSH)",
        "",
        "tests/core/test_compression.py::test_a_stream_is_not_held_back",
    ),
    "events as they are": Unplugging(
        "app/core/compression/encodable.py",
        "text/(?!event-stream)",
        "text/",
        "tests/core/test_compression.py::test_events_come_one_by_one",
    ),
    "word of the end": Unplugging(
        "app/core/server/draining.py",
        "        self.announced.drain()\n",
        "",
        "tests/core/test_drain.py::test_it_says_so_and_goes_on_for_a_while",
    ),
    "time to send requests elsewhere": Unplugging(
        "app/core/server/draining.py",
        "        if signal.SIGINT not in self._captured_signals:",
        "        if False:",
        "tests/core/test_drain.py::test_it_says_so_and_goes_on_for_a_while",
    ),
    "haste of who sits and waits": Unplugging(
        "app/core/server/draining.py",
        "        if signal.SIGINT not in self._captured_signals:",
        "        if True:",
        "tests/core/test_drain.py::test_who_sits_and_waits_does_not_have_to",
    ),
    "last answers that say so": Unplugging(
        "app/core/server/protocol.py",
        "            self.cycle.keep_alive = False\n",
        "            pass\n",
        "tests/core/test_drain.py::test_it_says_so_and_goes_on_for_a_while",
    ),
    "worker in the place of another": Unplugging(
        "app/core/server/supervisor.py",
        "                    self._replace(worker, place)\n",
        "                    pass\n",
        "tests/core/test_drain.py::test_a_worker_that_ends_is_replaced",
    ),
    "end of workers whom nobody watches": Unplugging(
        "app/core/server/supervisor.py",
        "    signal.raise_signal(signal.SIGTERM)\n",
        "",
        "tests/core/test_drain.py::test_a_worker_that_ends_is_replaced",
    ),
    "limit of headers": Unplugging(
        "app/core/server/protocol.py",
        "        if self._head_bytes > self.max_head_bytes:\n            self.refuse",
        "        if False:\n            self.refuse",
        "tests/core/test_bad_http.py::test_it_is_refused_as_everything_else_is",
    ),
    "time limit of headers": Unplugging(
        "app/core/server/protocol.py",
        "        elif self._in_head and self._head_timer is None:",
        "        elif False:",
        "tests/core/test_bad_http.py::test_nobody_waits_for_ever_for_a_request",
    ),
    "shape of what the server refuses": Unplugging(
        "app/core/server/entry.py",
        "ServerProtocol.within(settings.max_head_bytes, settings.head_timeout_seconds)",
        '"httptools"',
        "tests/core/test_bad_http.py::test_it_is_refused_as_everything_else_is",
    ),
    "limit of the container": Unplugging(
        "app/core/observability/identity.py",
        '        if quota != "max":',
        "        if False:",
        "tests/core/test_cpus.py::test_a_container_may_have_less_than_the_machine",
    ),
}

# Where processes share a Redis.
SHARED_EDGE_FAULTS = {
    "counts of all processes": Unplugging(
        "app/core/rate_limit/counter.py",
        "        if not self._breaker.allows():",
        "        if True:",
        "tests/core/test_shared_rate_limit.py::test_processes_count_together",
    ),
    "counts while redis is away": Unplugging(
        "app/core/rate_limit/counter.py",
        "            self._breaker.trip()\n            return self._windows.add(who, self._limit)",
        "            return 1.0",
        "tests/core/test_shared_rate_limit.py::test_each_counts_alone_while_redis_is_away",
    ),
    "end of counts": Unplugging(
        "app/core/rate_limit/counter.py",
        "redis.call('EXPIRE', KEYS[1], ARGV[3])\n",
        "",
        "tests/core/test_shared_rate_limit.py::test_counts_end_by_themselves",
    ),
}
