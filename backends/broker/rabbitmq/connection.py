"""Where the broker is: RabbitMQ."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field


def check_broker_url(url: str) -> str:
    """Raise a `ValueError` that shows how such a URL looks."""
    if not re.fullmatch(r"amqps?://.+", url):
        raise ValueError("should look like amqp://user:password@host:5672/, or amqps://… for TLS")
    return url


class BrokerSettings(BaseModel):
    """Where tasks are carried."""

    # It may hold a password: never log it.
    broker_url: Annotated[str, AfterValidator(check_broker_url)] = Field(
        default="amqp://guest:guest@localhost:5672/", repr=False
    )
