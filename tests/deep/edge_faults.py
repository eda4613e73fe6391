"""What lies between the socket and a feature, unplugged."""

from deep.unplugging import Unplugging

EDGE_FAULTS = {
    "request id": Unplugging(
        "app/core/middleware/envelope.py",
        "                    (HEADER, name),\n",
        "",
        "tests/core/test_request_id.py",
    ),
    "sanity of a request id": Unplugging(
        "app/core/observability/request_id.py",
        " and ACCEPTED.fullmatch(value)",
        "",
        "tests/core/test_request_id.py",
    ),
    "unhandled errors": Unplugging(
        "app/core/middleware/envelope.py",
        "        except Exception as error:\n",
        "        except SystemExit as error:\n",
        "tests/core/test_problem.py",
    ),
    "timeouts by their status": Unplugging(
        "app/core/problem.py",
        "    app.exception_handler(TimeoutError)(on_timeout)\n",
        "",
        "tests/core/test_problem.py",
    ),
    "time of a request": Unplugging(
        "app/core/middleware/envelope.py",
        "                    *timing_headers(current, seconds),\n",
        "",
        "tests/core/test_timing.py",
    ),
    "warning of slow requests": Unplugging(
        "app/core/middleware/request_log.py",
        "        is_slow = seconds > self._slow_seconds\n",
        "        is_slow = False\n",
        "tests/core/test_timing.py",
    ),
    "security headers": Unplugging(
        "app/core/middleware/envelope.py",
        '                    *security_headers(headers, scope["scheme"], self.hsts_seconds),\n',
        "",
        "tests/core/test_security_headers.py",
    ),
    "headers of the route's own": Unplugging(
        "app/core/middleware/security_headers.py",
        "    if said.isdisjoint(headers):",
        "    if True:",
        "tests/core/test_security_headers.py",
    ),
    "pages of other origins": Unplugging(
        "app/core/application.py",
        "        stack.append(Middleware(allow_origins, settings))\n",
        "        pass\n",
        "tests/core/test_cors.py",
    ),
    "names of the service": Unplugging(
        "app/core/application.py",
        "        stack.append(Middleware(TrustedHostsMiddleware, settings.trusted_hosts))\n",
        "        pass\n",
        "tests/core/test_trusted_hosts.py",
    ),
    "bound of what is in flight": Unplugging(
        "app/core/middleware/in_flight.py",
        "        if len(self.running) >= self.most:",
        "        if False:",
        "tests/core/test_in_flight.py",
    ),
    "probes that are not refused": Unplugging(
        "app/core/middleware/in_flight.py",
        ' or scope["path"] in PROBES',
        "",
        "tests/core/test_in_flight.py",
    ),
    "end of what is overdue": Unplugging(
        "app/core/middleware/in_flight.py",
        "            self.task.cancel()\n",
        "            pass\n",
        "tests/core/test_in_flight.py",
    ),
    "wish of the client": Unplugging(
        "app/core/middleware/in_flight.py",
        "            if name == ASKED:",
        "            if False:",
        "tests/core/test_in_flight.py",
    ),
    "time of answers that have begun": Unplugging(
        "app/core/middleware/in_flight.py",
        "            self.running.discard(current)\n            current.ends_at = None\n",
        "",
        "tests/core/test_in_flight.py",
    ),
    "word of others who cancel": Unplugging(
        "app/core/middleware/in_flight.py",
        " or current.task.uncancel() > 0",
        "",
        "tests/core/test_in_flight.py",
    ),
    "limit of a body": Unplugging(
        "app/core/application.py",
        "    stack.append(Middleware(BodyLimitMiddleware, settings.max_body_bytes))\n",
        "",
        "tests/core/test_body_limit.py",
    ),
    "limit of a body in pieces": Unplugging(
        "app/core/middleware/body_limit.py",
        "            if left < 0:",
        "            if False:",
        "tests/core/test_body_limit.py",
    ),
    "rate limit": Unplugging(
        "app/core/application.py",
        "        stack.append(Middleware(RateLimitMiddleware, settings))\n",
        "        pass\n",
        "tests/core/test_rate_limit.py",
    ),
    "window that slides": Unplugging(
        "app/core/rate_limit/windows.py",
        " + self._before.get(who, 0) * (1 - share)",
        "",
        "tests/core/test_rate_limit.py",
    ),
    "keys that tell clients apart": Unplugging(
        "app/core/rate_limit/middleware.py",
        "        if self.header:",
        "        if False:",
        "tests/core/test_rate_limit.py",
    ),
    "compression": Unplugging(
        "app/core/application.py",
        "    stack.append(Middleware(CompressionMiddleware, settings))\n",
        "",
        "tests/core/test_compression.py",
    ),
    "weights of encodings": Unplugging(
        "app/core/compression/negotiation.py",
        " and (best is None or quality > liked)",
        " and best is None",
        "tests/core/test_compression.py",
    ),
    "tags of encoded bodies": Unplugging(
        "app/core/compression/encodable.py",
        "    return [*weaken(vary(left)),",
        "    return [*vary(left),",
        "tests/core/test_compression.py",
    ),
    "word that it depends on the client": Unplugging(
        "app/core/compression/encodable.py",
        "    return [*weaken(vary(left)),",
        "    return [*weaken(left),",
        "tests/core/test_compression.py",
    ),
    "pieces that are not held back": Unplugging(
        "app/core/compression/encodings.py",
        " + self._encoder.flush(zlib.Z_SYNC_FLUSH)",
        "",
        "tests/core/test_compression.py",
    ),
    "events as they are": Unplugging(
        "app/core/compression/encodable.py",
        "text/(?!event-stream)",
        "text/",
        "tests/core/test_compression.py",
    ),
    "word of the end": Unplugging(
        "app/core/server/draining.py",
        "        self.announced.drain()\n",
        "",
        "tests/core/test_drain.py",
    ),
    "time to send requests elsewhere": Unplugging(
        "app/core/server/draining.py",
        "        if signal.SIGINT not in self._captured_signals:",
        "        if False:",
        "tests/core/test_drain.py",
    ),
    "haste of who sits and waits": Unplugging(
        "app/core/server/draining.py",
        "        if signal.SIGINT not in self._captured_signals:",
        "        if True:",
        "tests/core/test_drain.py",
    ),
    "last answers that say so": Unplugging(
        "app/core/server/protocol.py",
        "            self.cycle.keep_alive = False\n",
        "            pass\n",
        "tests/core/test_drain.py",
    ),
    "worker in the place of another": Unplugging(
        "app/core/server/supervisor.py",
        "                    self._replace(worker, place)\n",
        "                    pass\n",
        "tests/core/test_drain.py",
    ),
    "end of workers whom nobody watches": Unplugging(
        "app/core/server/supervisor.py",
        "    signal.raise_signal(signal.SIGTERM)\n",
        "",
        "tests/core/test_drain.py",
    ),
    "limit of headers": Unplugging(
        "app/core/server/protocol.py",
        "        if self._head_bytes > self.max_head_bytes:\n            self.refuse",
        "        if False:\n            self.refuse",
        "tests/core/test_bad_http.py",
    ),
    "time limit of headers": Unplugging(
        "app/core/server/protocol.py",
        "        elif self._in_head and self._head_timer is None:",
        "        elif False:",
        "tests/core/test_bad_http.py",
    ),
    "shape of what the server refuses": Unplugging(
        "app/core/server/entry.py",
        "ServerProtocol.within(settings.max_head_bytes, settings.head_timeout_seconds)",
        '"httptools"',
        "tests/core/test_bad_http.py",
    ),
    "limit of the container": Unplugging(
        "app/core/observability/identity.py",
        '        if quota != "max":',
        "        if False:",
        "tests/core/test_cpus.py",
    ),
}

# Where processes share a Redis.
SHARED_EDGE_FAULTS = {
    "counts of all processes": Unplugging(
        "app/core/rate_limit/counter.py",
        "        if not self._breaker.allows():",
        "        if True:",
        "tests/core/test_shared_rate_limit.py",
    ),
    "counts while redis is away": Unplugging(
        "app/core/rate_limit/counter.py",
        "            self._breaker.trip()\n            return self._windows.add(who, self._limit)",
        "            return 1.0",
        "tests/core/test_shared_rate_limit.py",
    ),
    "end of counts": Unplugging(
        "app/core/rate_limit/counter.py",
        "redis.call('EXPIRE', KEYS[1], ARGV[3])\n",
        "",
        "tests/core/test_shared_rate_limit.py",
    ),
}
