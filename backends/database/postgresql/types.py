"""How PostgreSQL stores what its neighbours store differently."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Integer, String, Text
from sqlalchemy.types import TypeEngine

BigId: type[Integer] = BigInteger
LongText: type[String] = Text
Timestamp: TypeEngine[datetime] = DateTime(timezone=True)
