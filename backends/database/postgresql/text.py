"""Values as text, written by PostgreSQL as Pydantic would write them."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    SQLColumnExpression,
    String,
    Text,
    case,
    cast,
    func,
    literal_column,
)

# asyncpg stores the first and the last moment and day of Python as infinities.
FIRST_MOMENT = literal_column("'0001-01-01T00:00:00Z'::timestamptz")
LAST_MOMENT = literal_column("'9999-12-31T23:59:59.999999Z'::timestamptz")
FIRST_DAY = literal_column("'0001-01-01'::date")
LAST_DAY = literal_column("'9999-12-31'::date")


def json_text(column: SQLColumnExpression[Any]) -> ColumnElement[str]:
    """Write a text in the quotes and escapes of JSON."""
    return cast(func.to_json(column), Text)


def moment_text(column: SQLColumnExpression[Any]) -> ColumnElement[str]:
    """Write a moment as ISO 8601 in UTC, with microseconds if there are any."""
    # With null they would be the bound.
    bounded = case(
        (column.is_not(None), func.least(func.greatest(column, FIRST_MOMENT), LAST_MOMENT))
    )
    utc = func.timezone(literal_column("'UTC'"), bounded)
    pattern = literal_column("""'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'""")
    whole = (literal_column("'.000000Z'"), literal_column("'Z'"))
    return func.replace(func.to_char(utc, pattern), *whole, type_=String())


def day_text(column: SQLColumnExpression[Any]) -> ColumnElement[str]:
    """Write a day as ISO 8601."""
    bounded = case((column.is_not(None), func.least(func.greatest(column, FIRST_DAY), LAST_DAY)))
    return func.to_char(bounded, literal_column("'YYYY-MM-DD'"), type_=String())


def decimal_text(column: SQLColumnExpression[Any], _places: int) -> ColumnElement[str]:
    """Write a decimal number with all the places of its column."""
    return cast(column, Text)
