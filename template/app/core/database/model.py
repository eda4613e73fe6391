"""What all tables share."""

from datetime import UTC, datetime

from sqlalchemy import Dialect, MetaData
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from app.core.database.types import Timestamp


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, in UTC on every database, with its time zone in Python."""

    impl = Timestamp
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy's signature
    ) -> datetime | None:
        """Refuse a time without a zone: nobody knows which moment it is."""
        if value is not None and value.tzinfo is None:
            raise ValueError("A datetime without a time zone can't be stored")
        return value if value is None else value.astimezone(UTC)

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy's signature
    ) -> datetime | None:
        """Give back the zone where the database has none."""
        return value if value is None else value.replace(tzinfo=UTC)


def utc_now() -> datetime:
    """Tell the time, for defaults of columns."""
    return datetime.now(UTC)


class Model(DeclarativeBase):
    """The base of all models. Relationships say `lazy="raise"`; queries say what they load."""

    metadata = MetaData(
        # Constraints need names that migrations can count on.
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime}  # noqa: RUF012 - SQLAlchemy's own way
