"""How SQLite stores what its neighbours store differently."""

from datetime import datetime

from sqlalchemy import DateTime, Integer, String, Text
from sqlalchemy.types import TypeEngine

# The type of a row's own number, which has 64 bits.
BigId: type[Integer] = Integer
LongText: type[String] = Text
# Text, without a zone.
Timestamp: TypeEngine[datetime] = DateTime()
