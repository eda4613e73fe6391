"""How MySQL stores what its neighbours store differently."""

from datetime import datetime

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.dialects.mysql import DATETIME, MEDIUMTEXT
from sqlalchemy.types import TypeEngine

BigId: type[Integer] = BigInteger
# TEXT ends at 64 kB, which is 16,000 of the characters that take most.
LongText: type[String] = MEDIUMTEXT
# Without a zone; and DATETIME alone has no fractions.
Timestamp: TypeEngine[datetime] = DATETIME(fsp=6)
