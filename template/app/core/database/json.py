"""JSON that the database builds: the bytes that Pydantic would have written, sent as they are."""

from functools import reduce
from typing import Any

from pydantic import BaseModel
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    Integer,
    Numeric,
    String,
    Text,
    case,
    cast,
    func,
    literal_column,
    not_,
    type_coerce,
)
from sqlalchemy.orm import InstrumentedAttribute

from app.core.database.model import UtcDateTime
from app.core.database.text import day_text, decimal_text, json_text, moment_text

Column = ColumnElement[Any] | InstrumentedAttribute[Any]


class JsonObject(String):
    """The type of an expression that is JSON already."""


def json_object(model: type[BaseModel], **columns: Column) -> ColumnElement[str]:
    """Write a row as a JSON object, one field of the model after the other.

    `json_object(AuthorOut, id=Author.id, name=Author.name)`; an object may be the column of
    another. The model stays what OpenAPI describes: fields that differ from it are a TypeError.
    """
    if list(columns) != list(model.model_fields):
        raise TypeError(f"{model.__name__} has the fields {', '.join(model.model_fields)}")
    parts: list[ColumnElement[str]] = []
    for separator, (name, column) in zip("{" + "," * len(columns), columns.items(), strict=False):
        parts += [constant(f'{separator}"{name}":'), json_value(name, column)]
    return joined([*parts, constant("}")], JsonObject())


def json_value(name: str, column: Column) -> ColumnElement[str]:
    """Write a value as JSON."""
    value = column.expression if isinstance(column, InstrumentedAttribute) else column
    written = json_of_type(value)
    if written is None:
        raise TypeError(f"{name}: {value.type} can't be written as JSON, so read the model")
    if getattr(value, "nullable", not isinstance(value.type, JsonObject)):
        return func.coalesce(written, constant("null"))
    return written


def json_of_type(value: ColumnElement[Any]) -> ColumnElement[str] | None:
    """Write what is not null. Floats are left to Python: each database writes them otherwise."""
    match value.type:
        case JsonObject():
            return value
        case UtcDateTime():
            return quoted(moment_text(value))
        case Boolean():
            return case((value, constant("true")), (not_(value), constant("false")))
        case Integer():
            return cast(value, String(20))
        case Numeric(asdecimal=True, scale=int(scale)):
            return quoted(decimal_text(value, scale))
        case Date():
            return quoted(day_text(value))
        case String() | Text():
            return json_text(value)
        case _:
            return None


def quoted(written: ColumnElement[str]) -> ColumnElement[str]:
    """Put what needs no escapes into quotes."""
    return joined([constant('"'), written, constant('"')], String())


def joined(parts: list[ColumnElement[str]], type_: String) -> ColumnElement[str]:
    """Put texts together; if one is null, so is the whole."""
    return type_coerce(reduce(lambda left, right: left.concat(right), parts), type_)


def constant(text: str) -> ColumnElement[str]:
    """Write a text into the query itself: a parameter would be sent with every request."""
    escaped = text.replace("'", "''")
    return literal_column(f"'{escaped}'", String())
