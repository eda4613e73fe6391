"""What is opened again and again."""

from collections.abc import Iterator

from tests.review.calls import Calls
from tests.review.finding import Finding, Guard
from tests.review.libraries import CLIENTS


def look(calls: Calls) -> Iterator[Finding]:
    """Find clients that are made for one request."""
    for function in calls.per_request.intersection(calls.code.yours):
        for call in function.calls:
            name = calls.target(function, call.func)
            if name in CLIENTS:
                yield CLIENT_PER_CALL.at(
                    function, call, f"`{name}` is opened for each call of `{function.short}`"
                )


CLIENT_PER_CALL = Guard(
    "client-per-call",
    "Each has connections of its own: opening them (TCP, TLS, authentication) takes longer than"
    " what they are for, and under load there are more than the other side takes.",
    "Open it once: a context manager beside it, and a line in `app/core/lifespan.py`. For HTTP"
    " there is `HttpClientDep`.",
    "Clients that `libraries.py` doesn't name, and what is called through a variable of unknown"
    " type. `opened-per-request` counts what the tests run.",
    look,
)
GUARDS = (CLIENT_PER_CALL,)
