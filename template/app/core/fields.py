"""Types of fields whose every value can be stored."""

import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field
from starlette.convertors import IntegerConvertor, register_url_convertor


def require_whole_number(value: object) -> object:
    """Refuse what Python would also take for an integer: true, 1.0, "1_0", " 1"."""
    is_number = type(value) is int
    if not (is_number or (isinstance(value, str) and re.fullmatch("-?[0-9]+", value))):
        raise ValueError("Input should be a whole number")
    return value


# Nearly as wide as the column: a limit that a double can hold as well, since many read the
# numbers of JSON, and so of OpenAPI, as one.
RowId = Annotated[int, Field(ge=1, le=9 * 10**18), BeforeValidator(require_whole_number)]


class IdConvertor(IntegerConvertor):
    """Digits in a path, `/posts/{post_id:id}`: words are left to other routes.

    Starlette's own takes thousands of them, which Python refuses to read: a 500.
    """

    regex = "[0-9]{1,20}"


register_url_convertor("id", IdConvertor())

IdPath = Annotated[RowId, Path()]


def to_utc(moment: datetime) -> datetime:
    """Refuse the few moments whose year, in UTC, is before 1 or after 9999."""
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("Input should be a year from 1 to 9999 in UTC") from error


Moment = Annotated[AwareDatetime, AfterValidator(to_utc)]
