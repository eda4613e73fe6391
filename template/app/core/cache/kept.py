"""Responses as bytes, and as answers to clients who may have them already."""

from http import HTTPStatus

from fastapi import Response

from app.core.cache.keys import digest

Header = tuple[bytes, bytes]

# A 304 has none of them (RFC 9110, 15.4.5).
OF_A_BODY = frozenset({b"content-type", b"content-length"})


def is_keepable(response: Response) -> bool:
    """Tell whether another client may get the same response."""
    headers = response.headers
    return (
        response.status_code == HTTPStatus.OK
        and isinstance(getattr(response, "body", None), bytes)
        and response.background is None
        and "set-cookie" not in headers
        and not {"no-store", "private"} & {*headers.get("cache-control", "").split(", ")}
    )


def pack(response: Response) -> bytes:
    """Write headers and body, with a strong entity tag of the body."""
    headers = list(response.raw_headers)
    if "etag" not in response.headers:
        headers.append((b"etag", f'"{digest(bytes(response.body))}"'.encode()))
    head = b"\n".join(name + b":" + value for name, value in headers)
    return head + b"\n\n" + bytes(response.body)


class KeptResponse(Response):
    """What was packed; 304 without a body for a client whose entity tags say that he has it."""

    def __init__(self, packed: bytes, cache_status: str, etags: bytes | None) -> None:
        self.background = None
        self.status_code = HTTPStatus.OK
        head, _, self.body = packed.partition(b"\n\n")
        headers = [unpack(line) for line in head.split(b"\n")]
        headers.append((b"cache-status", cache_status.encode()))
        if etags is not None and matches(etags, dict(headers)[b"etag"]):
            self.status_code = HTTPStatus.NOT_MODIFIED
            self.body = b""
            headers = [header for header in headers if header[0] not in OF_A_BODY]
        self.raw_headers = headers


def unpack(line: bytes) -> Header:
    """Read a header back."""
    name, _, value = line.partition(b":")
    return name, value


def matches(tags: bytes, tag: bytes) -> bool:
    """Compare as RFC 9110 (13.1.2) has it: weakly, since what encodes a body weakens its tag."""
    if tags.strip() == b"*":
        return True
    return tag in (each.strip().removeprefix(b"W/") for each in tags.split(b","))
