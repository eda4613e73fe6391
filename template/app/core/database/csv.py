"""Records of CSV (RFC 4180) that the database writes."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    String,
    case,
    cast,
    func,
)
from sqlalchemy.orm import InstrumentedAttribute

from app.core.database.json import Column, constant, joined
from app.core.database.model import UtcDateTime
from app.core.database.text import moment_text

# A cell that begins like this is a formula to a spreadsheet, whoever wrote it (OWASP, "CSV
# injection"). With an apostrophe before it, it is text.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_record(*columns: Column) -> ColumnElement[str]:
    """Write a row as a record of CSV, with its line end."""
    parts: list[ColumnElement[str]] = []
    for column in columns:
        value = column.expression if isinstance(column, InstrumentedAttribute) else column
        parts += [func.coalesce(csv_cell(value), constant("")), constant(",")]
    return joined([*parts[:-1], constant("\r\n")], String())


def csv_cell(value: ColumnElement[Any]) -> ColumnElement[str]:
    """Write a cell: a text in quotes, anything else as it is."""
    match value.type:
        case UtcDateTime():
            return moment_text(value)
        case Integer():
            return cast(value, String(20))
        case String():
            harmless = case(
                (func.substr(value, 1, 1).in_(map(constant, FORMULA)), constant("'") + value),
                else_=value,
            )
            escaped = func.replace(harmless, constant('"'), constant('""'))
            return joined([constant('"'), escaped, constant('"')], String())
        case _:
            raise TypeError(f"{value.type} can't be written as CSV yet")


def csv_header(*names: str) -> str:
    """Write the names of the columns."""
    return ",".join(names) + "\r\n"
