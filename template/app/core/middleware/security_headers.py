"""Headers that keep browsers from doing more than they are asked to."""

from collections.abc import Iterable

from pydantic import BaseModel, Field

Header = tuple[bytes, bytes]


class SecurityHeadersSettings(BaseModel):
    """What browsers are told."""

    # For how long they keep to HTTPS once they have seen it; 0 for not at all.
    hsts_seconds: int = Field(default=31_536_000, ge=0)


# Nobody shows an answer in a frame, guesses its type, or learns from where a link was followed.
SECURITY_HEADERS: dict[bytes, bytes] = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"content-security-policy": b"frame-ancestors 'none'",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
}


def security_headers(given: Iterable[Header], scheme: str, hsts_seconds: int) -> Iterable[Header]:
    """Add what the route didn't say for itself. HSTS is heard over HTTPS alone."""
    headers = SECURITY_HEADERS
    if scheme == "https" and hsts_seconds:
        headers = {**headers, b"strict-transport-security": b"max-age=%d" % hsts_seconds}
    said = {name for name, _ in given}
    if said.isdisjoint(headers):
        return headers.items()
    return [header for header in headers.items() if header[0] not in said]
