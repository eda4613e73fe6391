"""Values as text, written by MySQL as Pydantic would write them."""

from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, String, cast, func, literal_column

# What JSON_QUOTE of MariaDB writes in capitals: the controls whose numbers have a letter in them.
LETTERS = ("0B", "0E", "0F", "1A", "1B", "1C", "1D", "1E", "1F")


def json_text(column: SQLColumnExpression[Any]) -> ColumnElement[str]:
    """Write a text in the quotes and escapes of JSON."""
    # `\\u000B` is a backslash and a text. While the capitals go, a backslash is a control
    # character, which a quoted text has none of.
    backslash, stand_in = literal_column(r"'\\\\'"), literal_column("'\x01'")
    written = func.replace(func.json_quote(column), backslash, stand_in, type_=String())
    for letter in LETTERS:
        capital, small = rf"'\\u00{letter}'", rf"'\\u00{letter.lower()}'"
        written = func.replace(
            written, literal_column(capital), literal_column(small), type_=String()
        )
    return func.replace(written, stand_in, backslash, type_=String())


def moment_text(column: SQLColumnExpression[Any]) -> ColumnElement[str]:
    """Write a moment as ISO 8601 in UTC, with microseconds if there are any."""
    pattern = literal_column("'%Y-%m-%dT%H:%i:%s.%fZ'")
    whole = (literal_column("'.000000Z'"), literal_column("'Z'"))
    return func.replace(func.date_format(column, pattern), *whole, type_=String())


def day_text(column: SQLColumnExpression[Any]) -> ColumnElement[str]:
    """Write a day as ISO 8601."""
    return cast(column, String(10))


def decimal_text(column: SQLColumnExpression[Any], _places: int) -> ColumnElement[str]:
    """Write a decimal number with all the places of its column."""
    return cast(column, String(80))
