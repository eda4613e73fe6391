"""Types of fields whose every value can be stored."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field


def require_whole_number(value: object) -> object:
    """Refuse what Python would also take for an integer: true, 1.0, "1_0", " 1"."""
    is_number = type(value) is int
    if not (is_number or (isinstance(value, str) and re.fullmatch("-?[0-9]+", value))):
        raise ValueError("Input should be a whole number")
    return value


# 64 bits, as wide as the column.
RowId = Annotated[int, BeforeValidator(require_whole_number), Field(ge=1, le=2**63 - 1)]


def require_storable(text: str) -> str:
    """Refuse what JSON can say and databases can't keep: NUL, and halves of surrogate pairs."""
    if "\x00" in text:
        raise ValueError("Text must not contain NUL")
    text.encode()  # a ValueError, where it fails
    return text


Text = Annotated[str, AfterValidator(require_storable)]


def to_utc(moment: datetime) -> datetime:
    """Refuse the few moments whose year, in UTC, is before 1 or after 9999."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("Input should be a year from 1 to 9999 in UTC") from error


Moment = Annotated[AwareDatetime, AfterValidator(to_utc)]
