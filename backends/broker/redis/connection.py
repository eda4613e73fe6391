"""Where the broker is: Redis or Valkey."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field


def check_broker_url(url: str) -> str:
    """Raise a `ValueError` that shows how such a URL looks."""
    if not re.fullmatch(r"(redis|valkey)s?://.+", url):
        raise ValueError("should look like redis://host:6379/0, or rediss://… for TLS")
    return url.replace("valkey", "redis", 1)


class BrokerSettings(BaseModel):
    """Where tasks are carried."""

    # It may hold a password: never log it.
    broker_url: Annotated[str, AfterValidator(check_broker_url)] = Field(
        default="redis://localhost:6379/0", repr=False
    )
