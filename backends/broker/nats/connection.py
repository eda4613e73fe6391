"""Where the broker is: NATS, with JetStream."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field


def check_broker_url(url: str) -> str:
    """Raise a `ValueError` that shows how such a URL looks."""
    if not re.fullmatch(r"(nats|tls)://.+", url):
        raise ValueError("should look like nats://host:4222, or tls://… for TLS")
    return url


class BrokerSettings(BaseModel):
    """Where tasks are carried."""

    # It may hold a password: never log it.
    broker_url: Annotated[str, AfterValidator(check_broker_url)] = Field(
        default="nats://localhost:4222", repr=False
    )
