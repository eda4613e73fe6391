"""Straight to the driver: for what is asked all day.

A statement is written with SQLAlchemy, compiled once, and then run by the driver itself on a
connection of the pool. That spares what the ORM and SQLAlchemy's execution cost, which is
several times what the statement does.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeAlias, cast

from anyio import CancelScope
from sqlalchemy import Delete, Dialect, Engine, Insert, Select, Update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.util import greenlet_spawn

from app.core.database.effects import Effect
from app.core.database.engine import Violation, execute, fetch, insert
from app.core.database.monitor import QueryMonitor
from app.core.database.pool import MeasuredPool

Row: TypeAlias = Sequence[Any]
AnySelect: TypeAlias = Select[*tuple[Any, ...]]


class DirectQuery:
    """A statement whose results are texts and integers, which all drivers return alike.

    What varies is a `bindparam`; everything else is compiled in, once. Defaults of columns that
    Python computes aren't: name every column.
    """

    def __init__(self, statement: AnySelect | Insert | Update | Delete) -> None:
        # Whether to ask for the new id is up to `DirectTransaction.insert`.
        self.statement = statement.inline() if isinstance(statement, Insert) else statement
        self._dialect: Dialect | None = None
        self._sql = ""
        self._values: Mapping[str, object] = {}
        # In the driver's order: a name, what is compiled in, and what makes of it what is sent.
        self._places: Sequence[tuple[str, object, Callable[[Any], object] | None]] = ()

    def prepare(
        self, dialect: Dialect, parameters: Mapping[str, object]
    ) -> tuple[str, list[object]]:
        """Give the SQL, and the values in the order in which the driver wants them."""
        if self._dialect is not dialect:
            self._compile(dialect)
        if not parameters.keys() <= self._values.keys():
            unknown = parameters.keys() - self._values.keys()
            raise TypeError(f"The statement has no parameter {', '.join(sorted(unknown))}")
        return self._sql, [
            parameters.get(name, value) if process is None else process(parameters.get(name, value))
            for name, value, process in self._places
        ]

    def _compile(self, dialect: Dialect) -> None:
        compiled = self.statement.compile(dialect=dialect)
        self._sql = compiled.string
        self._values = compiled.construct_params(_check=False)
        processors = compiled._bind_processors
        self._places = [
            (name, self._values[name], process if callable(process) else None)
            for name in compiled.positiontup or ()
            for process in (processors.get(name),)
        ]
        self._dialect = dialect


class DirectConnection:
    """A connection of the pool, without anything in between."""

    def __init__(self, connection: Any, dialect: Dialect, monitor: QueryMonitor) -> None:
        self._connection = connection
        self._dialect = dialect
        self._monitor = monitor

    async def fetch(self, query: DirectQuery, **parameters: object) -> Sequence[Row]:
        """Give all rows."""
        return await self._run(fetch, query, parameters)

    async def fetch_value(self, query: DirectQuery, **parameters: object) -> Any:
        """Give the first column of the first row; `None` if there is no row."""
        rows = await self._run(fetch, query, parameters)
        return rows[0][0] if rows else None

    async def _run(
        self, function: Callable[..., Any], query: DirectQuery, parameters: Mapping[str, object]
    ) -> Any:
        sql, values = query.prepare(self._dialect, parameters)
        started = time.perf_counter()
        try:
            return await function(self._connection, sql, values)
        except Violation as error:
            raise IntegrityError(sql, None, error, hide_parameters=True) from error
        finally:
            self._monitor.note(sql, time.perf_counter() - started)


class DirectTransaction(DirectConnection):
    """A transaction on such a connection; it ends with the block that opened it."""

    def __init__(self, connection: Any, dialect: Dialect, monitor: QueryMonitor) -> None:
        super().__init__(connection, dialect, monitor)
        self.effects: list[Effect] = []

    async def insert(self, query: DirectQuery, **parameters: object) -> int:
        """Store a row, and give its `id`."""
        return await self._run(insert, query, parameters)

    async def execute(self, query: DirectQuery, **parameters: object) -> int:
        """Change rows, and tell how many there were."""
        return await self._run(execute, query, parameters)

    def after_commit(self, effect: Effect) -> None:
        """Run an effect once the transaction is committed, and only then."""
        self.effects.append(effect)


class CheckedOut:
    """Takes the driver's own connection from the pool, and gives it back.

    It is in the way of each query, and a generator would cost as much again.
    """

    __slots__ = ("_entry", "_pool")

    def __init__(self, engine: Engine) -> None:
        self._pool = cast("MeasuredPool", engine.pool)

    async def __aenter__(self) -> Any:
        """Take it."""
        self._entry = self._pool.take() or await self._pool.take_next()
        return self._entry.driver_connection

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Give it back, unless it was left in the middle of something."""
        # After that the answer may be on its way still: nobody else may get it.
        is_cut_off = kind is not None and issubclass(kind, asyncio.CancelledError)
        if is_cut_off or self._pool.is_in_transaction(self._entry):
            # A scope that is cancelled, such as that of a client who leaves a stream, cancels
            # each `await` in it; but what is half closed would never be whole again.
            with CancelScope(shield=True):
                await greenlet_spawn(self._pool.throw_away, self._entry)
        else:
            self._pool.give_back(self._entry)


class Source(Protocol):
    """Whatever gives connections."""

    def direct(self) -> AbstractAsyncContextManager[DirectConnection]:
        """Take a connection for queries that go straight to the driver."""


# Some three times what 1,000 ordinary rows take.
BATCH_CHARACTERS = 1_000_000


async def in_batches(
    source: Source, query: DirectQuery, *, head: str = "", first: int = 100, size: int = 1000
) -> AsyncGenerator[str]:
    """Read texts by keyset, and give them back joined, a batch at a time.

    The query selects the key and the text, and takes `after` and `limit`. Between two batches no
    connection is held, however slow the reader is. The first one is small, so that it comes soon;
    what has to be above it, `head`, comes with it, and so not at all if the database is away.
    Where rows are long, batches are small: a batch is what each slow client keeps in memory.
    """
    after, limit = 0, first
    while True:
        async with source.direct() as connection:
            rows = await connection.fetch(query, after=after, limit=limit)
        batch = "".join([head, *[row[1] for row in rows]])
        if batch:
            yield batch
        if len(rows) < limit:
            return
        head, after = "", rows[-1][0]
        limit = max(1, min(size, limit * BATCH_CHARACTERS // len(batch)))
