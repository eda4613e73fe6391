"""How SQLite stores what its neighbours store differently."""

from datetime import datetime

from sqlalchemy import DateTime, Integer, String, Table, Text, event
from sqlalchemy.types import TypeEngine

# The type of a row's own number, which has 64 bits.
BigId: type[Integer] = Integer
LongText: type[String] = Text
# Text, without a zone.
Timestamp: TypeEngine[datetime] = DateTime()


@event.listens_for(Table, "before_create")
def give_no_number_twice(table: Table, *_: object, **__: object) -> None:
    """Keep the number of the newest row from being given again once that row is deleted."""
    key = [column.type for column in table.primary_key.columns]
    if len(key) == 1 and isinstance(key[0], Integer):
        table.dialect_options["sqlite"]["autoincrement"] = True
