"""What happens in the requests that the tests make, seen from inside."""

import os
import sys
import time
from collections.abc import Awaitable, Callable, Generator, MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOT = Path(__file__).parents[2]
APP, CORE = str(ROOT / "app") + "/", str(ROOT / "app" / "core") + "/"


@dataclass(frozen=True)
class Site:
    """A line of the service."""

    path: str
    line: int
    is_platform: bool


@dataclass(frozen=True)
class Note:
    """Something that was done for a request, and the line that asked for it."""

    kind: str
    what: str
    site: Site | None
    seconds: float = 0


@dataclass(eq=False)
class Seen:
    """A request."""

    scope: MutableMapping[str, Any]
    notes: list[Note] = field(default_factory=list[Note])
    status: int = 0
    content_type: str = ""
    body_bytes: int = 0
    is_stream: bool = False
    # What its client sent, and how many messages he was sent.
    body: bytearray = field(default_factory=bytearray)
    sent: int = 0
    # The longest time for which nobody else had a turn: of the CPU, and with what it waited for.
    busy_seconds: float = 0
    held_seconds: float = 0

    @property
    def route(self) -> str:
        """Name the route by its template."""
        path = getattr(self.scope.get("route"), "path_format", "-")
        return f"{self.scope['method']} {path}"

    @property
    def endpoint(self) -> Site | None:
        """Name the line where the handler begins, if it is one of the service."""
        code: CodeType | None = getattr(self.scope.get("endpoint"), "__code__", None)
        return None if code is None else site_of(code.co_filename, code.co_firstlineno)

    def note(self, kind: str, what: str, site: Site | None, seconds: float = 0) -> None:
        """Note something that was done for it."""
        self.notes.append(Note(kind, what, site, seconds))


# Also in the tasks that the request starts.
current: ContextVar[Seen | None] = ContextVar("seen", default=None)
# Those of the test that runs.
REQUESTS: list[Seen] = []

# Of what a client sends, so much is looked at.
MOST_BODY_BYTES = 100_000

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Router = Callable[[Any, MutableMapping[str, Any], Receive, Send], Awaitable[None]]


def watched(answer: Router) -> Router:
    """Look on while a router answers."""

    async def answer_watched(
        router: Any, scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> None:
        if scope["type"] != "http" or current.get() is not None:
            await answer(router, scope, receive, send)
            return
        seen = Seen(scope)

        async def receive_and_look() -> Message:
            message = await receive()
            if len(seen.body) < MOST_BODY_BYTES:
                seen.body += message.get("body", b"")
            return message

        async def look_and_send(message: Message) -> None:
            seen.sent += 1
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                seen.content_type = dict(message["headers"]).get(b"content-type", b"").decode()
            else:
                seen.body_bytes += len(message.get("body", b""))
                seen.is_stream |= message.get("more_body", False)
            await send(message)

        token = current.set(seen)
        REQUESTS.append(seen)
        try:
            await Steps(answer(router, scope, receive_and_look, look_and_send), seen)
        finally:
            current.reset(token)

    return answer_watched


class Collections:
    """How much of the CPU went into looking for garbage, which is nobody's fault."""

    def __init__(self) -> None:
        self.seconds: float = 0
        self._started: float = 0

    def __call__(self, phase: str, _info: dict[str, int]) -> None:
        """Take the time: `gc` calls it at the beginning and the end."""
        if phase == "start":
            self._started = time.thread_time()
        else:
            self.seconds += time.thread_time() - self._started


collections = Collections()


class Queue:
    """How long the thread that imported this could have run, while others had the CPU."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        # Only Linux tells; elsewhere it counts as none.
        with suppress(OSError):
            self._descriptor = os.open("/proc/thread-self/schedstat", os.O_RDONLY)

    @property
    def seconds(self) -> float:
        """Take the time, which takes some microseconds itself."""
        if self._descriptor is None:
            return 0
        _, waited, _ = os.pread(self._descriptor, 100, 0).split()
        return int(waited) / 1e9


queue = Queue()


class Steps:
    """A coroutine, with a clock at each of its steps from one `await` to the next."""

    def __init__(self, work: Awaitable[None], seen: Seen) -> None:
        self._work = work
        self._seen = seen

    def __await__(self) -> Generator[Any, Any]:
        """Pass on what is awaited, and what comes of it."""
        inner: Any = self._work.__await__()
        step = partial(inner.send, None)
        while True:
            started = time.perf_counter() - queue.seconds
            used = time.thread_time() - collections.seconds
            try:
                awaited = step()
            except StopIteration:
                return
            finally:
                seen, busy = self._seen, time.thread_time() - collections.seconds - used
                seen.busy_seconds = max(seen.busy_seconds, busy)
                held = time.perf_counter() - queue.seconds - started
                seen.held_seconds = max(seen.held_seconds, held)
            try:
                result = yield awaited
            except BaseException as error:
                step = partial(inner.throw, error)
            else:
                step = partial(inner.send, result)


def site_of(filename: str, line: int) -> Site | None:
    """Name a line, if it is one of the service."""
    if not filename.startswith(APP):
        return None
    path = Path(filename).relative_to(ROOT).as_posix()
    return Site(path, line, is_platform=filename.startswith(CORE))


def sites() -> Generator[Site]:
    """List the lines of the service that led here, the nearest first."""
    for frame in frames():
        site = site_of(frame.f_code.co_filename, frame.f_lineno)
        if site is not None:
            yield site


def frames() -> Generator[FrameType]:
    """Walk up, out of greenlets too: each has frames of its own."""
    frame: FrameType | None = sys._getframe(1)
    library = sys.modules.get("greenlet")
    inside = library.getcurrent() if library else None
    while frame is not None:
        yield frame
        frame = frame.f_back
        while frame is None and inside is not None:
            inside = inside.parent
            frame = inside.gr_frame if inside is not None else None


def is_importing() -> bool:
    """Tell whether a module is loaded, which is done once."""
    return any("importlib._bootstrap" in frame.f_code.co_filename for frame in frames())


def your_site() -> Site | None:
    """Name the nearest line that isn't the platform's."""
    return next((site for site in sites() if not site.is_platform), None)


def your_frame() -> FrameType | None:
    """Give the frame in which that line runs."""
    return next((frame for frame in frames() if is_yours(frame.f_code)), None)


def is_yours(code: CodeType) -> bool:
    """Tell code of the service that isn't the platform's."""
    return code.co_filename.startswith(APP) and not code.co_filename.startswith(CORE)
