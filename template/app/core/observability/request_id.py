"""A name for every request, in its answer and in each line that it logs."""

import random
import re
from contextvars import ContextVar

from starlette.types import Scope

HEADER = b"x-request-id"

# Also inside tasks that the request started: they run in a copy of its context.
request_id: ContextVar[str] = ContextVar("request_id", default="-")

# What a proxy may have set. Anything else could forge lines of the log.
ACCEPTED = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def request_id_of(scope: Scope) -> bytes:
    """Accept a sane id, or mint one."""
    for name, value in scope["headers"]:
        if name == HEADER and ACCEPTED.fullmatch(value):
            return value
    return b"%032x" % random.getrandbits(128)
