"""What shows only where something runs."""

from collections.abc import Iterator

from tests.review.finding import Finding, Guard
from tests.review.requests import Seen

# Of the CPU, on a slow machine; `run_cpu` pays from a tenth of it on.
BUSY_SECONDS = 0.15
# By the clock: a disk that is busy with other things isn't the handler's fault.
HELD_SECONDS = 2.0
BODY_BYTES = 1_000_000


def judge_loop(seen: Seen) -> Iterator[Finding]:
    """Find what held up the event loop."""
    site = seen.endpoint
    for note in seen.notes:
        if note.kind == "blocked" and note.site is not None:
            what = f"{seen.route} waits for {note.what} without letting others run"
            yield Finding(note.site.path, note.site.line, BLOCKED_LOOP.name, what)
    if site is None or site.is_platform:
        return
    if seen.busy_seconds > BUSY_SECONDS:
        what = f"{seen.route} computes for {seen.busy_seconds * 1000:.0f} ms in one go"
        yield Finding(site.path, site.line, BLOCKED_LOOP.name, what)
    elif seen.held_seconds > HELD_SECONDS:
        what = f"{seen.route} lets nobody else run for {seen.held_seconds:.1f} s"
        yield Finding(site.path, site.line, BLOCKED_LOOP.name, what)


def judge_opened(seen: Seen) -> Iterator[Finding]:
    """Find the clients that were made for a request."""
    for note in seen.notes:
        if note.kind == "opened" and note.site is not None:
            what = f"{seen.route} opens `{note.what}` for each request"
            yield Finding(note.site.path, note.site.line, OPENED_PER_REQUEST.name, what)


def judge_body(seen: Seen) -> Iterator[Finding]:
    """Find answers that are long, and sent as a whole."""
    site = seen.endpoint
    is_long = seen.body_bytes > BODY_BYTES and not seen.is_stream
    if site is not None and not site.is_platform and is_long:
        what = f"{seen.route} answers with {seen.body_bytes:,} bytes at once"
        yield Finding(site.path, site.line, LARGE_BODY.name, what)


BLOCKED_LOOP = Guard(
    "blocked-loop",
    "While one request holds the event loop, the process answers nobody.",
    "What is awaited; `run_cpu` for what computes; `anyio.to_thread.run_sync` for the rest.",
    "What no test runs, what another process serves, sockets, and how long the tasks compute that a"
    " handler starts.",
    judge=judge_loop,
)
OPENED_PER_REQUEST = Guard(
    "opened-per-request",
    "To open a client takes longer than what it is for, and under load there are too many.",
    "Open it once: a context manager beside it, and a line in `app/core/lifespan.py`.",
    "What no test runs, functions that were imported by name, and clients that `libraries.py`"
    " doesn't name.",
    judge=judge_opened,
)
LARGE_BODY = Guard(
    "large-body",
    "It is in memory as a whole, more than once, for each who asks; and the last byte has to be"
    " there before the first is sent.",
    "Pages for lists, a stream for files.",
    "What no test asks for with as much in it as production has.",
    judge=judge_body,
)
GUARDS = (BLOCKED_LOOP, OPENED_PER_REQUEST, LARGE_BODY)
