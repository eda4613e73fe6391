"""Which encoding a client likes best."""

from functools import lru_cache

from app.core.compression.encodings import ENCODINGS, Encoding


@lru_cache(maxsize=256)
def choose(accepted: bytes) -> Encoding | None:
    """Read an `Accept-Encoding` (RFC 9110, 12.5.3); `None` is for sending it as it is.

    Among those that a client likes as well, the first of ours is taken.
    """
    wishes = dict(wish for part in accepted.lower().split(b",") if (wish := read(part)) is not None)
    others = wishes.get(b"*", 0.0)
    best, liked = None, max(wishes.get(b"identity", 0.0), 0.001)
    for name, encoding in ENCODINGS.items():
        quality = wishes.get(name, others)
        if quality >= liked and (best is None or quality > liked):
            best, liked = encoding, quality
    return best


def read(part: bytes) -> tuple[bytes, float] | None:
    """Read a name and its weight. What makes no sense isn't wished for."""
    name, _, parameters = part.partition(b";")
    key, _, weight = parameters.partition(b"=")
    if not key.strip():
        return name.strip(), 1.0
    try:
        quality = float(weight)
    except ValueError:
        return None
    return (name.strip(), quality) if key.strip() == b"q" and 0 <= quality <= 1 else None
