"""What a response says of itself, and what of it changes when its body is encoded."""

import re

Headers = list[tuple[bytes, bytes]]

# Text in one form or another. Images, archives and fonts are compressed by themselves, and
# events would wait in the buffers of those that decode them.
TEXT = re.compile(
    rb"text/(?!event-stream)|application/(?:[\w.-]+\+)?(?:json|xml)\b"
    rb"|application/(?:x-ndjson|javascript|wasm|yaml)\b|image/svg\+xml"
)
NO_BODY = frozenset({204, 205, 206, 304})


def length_of(headers: Headers) -> int | None:
    """Read how long the body is; a stream doesn't know."""
    for name, value in headers:
        if name == b"content-length":
            return int(value)
    return None


def is_encodable(status: int, headers: dict[bytes, bytes]) -> bool:
    """Tell a whole response that may get smaller, and that nobody encoded or forbade to."""
    return (
        status >= 200
        and status not in NO_BODY
        and TEXT.match(headers.get(b"content-type", b"")) is not None
        and b"content-encoding" not in headers
        and b"content-range" not in headers
        and b"no-transform" not in headers.get(b"cache-control", b"")
    )


def vary(headers: Headers) -> Headers:
    """Say that it depends on `Accept-Encoding`, beside what else it depends on."""
    said = [value for name, value in headers if name == b"vary"]
    if any(b"*" in value or b"accept-encoding" in value.lower() for value in said):
        return headers
    others = [header for header in headers if header[0] != b"vary"]
    return [*others, (b"vary", b", ".join([*said, b"Accept-Encoding"]))]


def weaken(headers: Headers) -> Headers:
    """Make the entity tag weak: another sequence of bytes that means the same (RFC 9110, 8.8.1)."""
    return [
        (name, b"W/" + value if name == b"etag" and not value.startswith(b"W/") else value)
        for name, value in headers
    ]


def encoded(headers: Headers, encoding: bytes, length: int | None) -> Headers:
    """Describe the encoded body. Its parts can't be asked for: they would be of another one."""
    left = [header for header in headers if header[0] not in {b"content-length", b"accept-ranges"}]
    if length is not None:
        left.append((b"content-length", b"%d" % length))
    return [*weaken(vary(left)), (b"content-encoding", encoding)]


def not_modified(headers: Headers, asked: bytes) -> Headers:
    """Speak of what a client has as it does: under a weak tag, if it has an encoded body."""
    return vary(weaken(headers) if b'W/"' in asked else headers)
