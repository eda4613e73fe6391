import asyncio
import csv
import io
from datetime import UTC, datetime

import asyncpg
import psutil
import pytest
from sqlalchemy import (
    Integer,
    String,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
    text,
    values,
)

from app.core.database.direct import DirectQuery
from app.core.database.dump import dump_csv
from app.core.database.engine import DatabaseSettings
from app.core.database.model import UtcDateTime
from app.core.database.session import open_database
from app.core.errors import GatewayTimeout
from app.core.lifespan import State
from tests.fixtures.database import execute, name_of

# What quotes, escapes and formats of SQL or CSV might get wrong.
TEXTS = ["it's", 'a "quote"', "a,b;c", "two\nlines\r\n", "back\\slash", "100 %s $1 :x", "é🎈"]
MOMENT = datetime(2026, 11, 22, 12, 30, 0, 1, tzinfo=UTC)

numbers = func.generate_series(1, 100_000).table_valued("number").render_derived()
TIMEOUT = DirectQuery(select(func.current_setting("statement_timeout")))
NUMBERS = select(numbers.c.number, func.repeat("x", 500).label("filler"))


async def ignore(_piece: bytes) -> None:
    """Write nothing anywhere."""


@pytest.fixture
def distant_url(database_url: str) -> str:
    """A database that has another idea of the time."""
    name = name_of(database_url)
    execute(database_url, f"ALTER DATABASE \"{name}\" SET timezone = 'Asia/Tokyo'")
    return database_url


async def test_a_dump_is_what_a_query_gives(distant_url: str) -> None:
    rows = list(enumerate([*TEXTS, "", None]))
    table = values(column("id", Integer), column("text", String), name="rows").data(rows)
    moment = cast(literal(MOMENT, UtcDateTime()), UtcDateTime()).label("moment")
    statement = select(table.c.id, table.c.text, moment).where(
        table.c.text.is_(None) | table.c.text.not_in(["no'ne", "no\\ne"])
    )
    pieces: list[bytes] = []

    async def write(piece: bytes) -> None:
        pieces.append(piece)

    async with open_database(DatabaseSettings(database_url=distant_url)) as database:
        count = await dump_csv(database, statement, write)
        async with database.read() as session:
            found = (await session.execute(statement)).all()

    header, *records = csv.reader(io.StringIO(b"".join(pieces).decode(), newline=""))
    assert header == ["id", "text", "moment"]
    assert count == len(records) == len(found) == len(rows)
    for record, row in zip(records, found, strict=True):
        assert int(record[0]) == row.id
        assert record[1] == (row.text or "")
        assert record[2] == "2026-11-22 12:30:00.000001+00"
        assert row.moment == MOMENT
    # NULL and the empty text differ.
    assert b'7,"",' in b"".join(pieces)
    assert b"8,," in b"".join(pieces)


async def test_a_large_dump_needs_little_memory(state: State) -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    most = length = 0

    async def write(piece: bytes) -> None:
        nonlocal most, length
        length += len(piece)
        most = max(most, process.memory_info().rss)
        # Slower than the server is, or nothing would pile up.
        await asyncio.sleep(0)

    assert await dump_csv(state["database"], NUMBERS, write) == 100_000
    assert length > 50_000_000
    assert most - before < 25_000_000


async def test_who_stops_early_leaves_the_connection_whole(state: State) -> None:
    settings = state["settings"].model_copy(update={"database_pool_size": 1})
    async with open_database(settings) as database:

        async def stop(_piece: bytes) -> None:
            raise OSError("The disk is full")

        async def hang(_piece: bytes) -> None:
            await asyncio.sleep(30)

        for _ in range(2):
            with pytest.raises(OSError, match="The disk is full"):
                await dump_csv(database, NUMBERS, stop)
            assert database.stats()["checked_in"] == 1
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await dump_csv(database, NUMBERS, hang)
            assert database.stats()["checked_out"] == 0
            async with database.direct() as direct:
                assert await direct.fetch_value(TIMEOUT) == "30s"


async def test_a_dump_has_a_limit_of_its_own(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.core.database.engine.GRACE_SECONDS", 0.1)
    impatient = DatabaseSettings(database_url=database_url, database_statement_timeout_seconds=0.1)
    slow = select(literal_column("pg_sleep(0.3)::text"))
    async with open_database(impatient) as database:
        assert await dump_csv(database, slow, ignore) == 1
        with pytest.raises(GatewayTimeout):
            await dump_csv(database, slow, ignore, limit_seconds=0.1)
        with pytest.raises(asyncpg.PostgresError, match="nowhere"):
            await dump_csv(database, select(text("* FROM nowhere")), ignore)
