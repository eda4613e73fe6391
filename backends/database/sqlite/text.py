"""Values as text, written by SQLite as Pydantic would write them."""

from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, String, case, cast, func, literal_column


def json_text(column: SQLColumnExpression[Any]) -> ColumnElement[str]:
    """Write a text in the quotes and escapes of JSON."""
    return func.json_quote(column, type_=String())


def moment_text(column: SQLColumnExpression[Any]) -> ColumnElement[str]:
    """Write a moment as ISO 8601 in UTC, with microseconds if there are any."""
    stored = cast(column, String())
    utc = func.replace(stored, literal_column("' '"), literal_column("'T'"), type_=String())
    whole = (literal_column("'.000000Z'"), literal_column("'Z'"))
    return func.replace(utc.concat(literal_column("'Z'")), *whole, type_=String())


def day_text(column: SQLColumnExpression[Any]) -> ColumnElement[str]:
    """Write a day as ISO 8601."""
    return cast(column, String())


def decimal_text(column: SQLColumnExpression[Any], places: int) -> ColumnElement[str]:
    """Write a decimal number with all the places of its column."""
    written = func.printf(literal_column(f"'%.{places}f'"), column, type_=String())
    # It would write null as zero.
    return case((column.is_not(None), written))
