"""Names of what is kept."""

import json
from functools import cache
from hashlib import blake2b
from typing import Any

from pydantic import TypeAdapter


def digest(text: bytes) -> str:
    """Name bytes by what they are: two that differ have different names."""
    return blake2b(text, digest_size=12).hexdigest()


@cache
def fingerprint(kind: TypeAdapter[Any]) -> str:
    """Name a kind of value by how it is written as JSON."""
    return digest(json.dumps(kind.json_schema(mode="serialization"), sort_keys=True).encode())
