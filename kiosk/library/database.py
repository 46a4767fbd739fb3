"""The database of a data folder: connections, transactions, and noticing that somebody wrote.

Several processes open it at once. Every write transaction is a few statements and takes milliseconds, because all
others wait for it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from typing import TypeVar

from kiosk.errors import Unavailable
from kiosk.library import schema
from kiosk.library.upkeep.lifetime import Clocks
from kiosk.storage import DataFolder

_Self = TypeVar("_Self", bound="Database")


class Database:
    """The database in `data`, which is made where it is missing. Safe to use from several threads.

    Raises Unavailable where the folder or the database cannot be used.
    """

    def __init__(self, data: DataFolder, clocks: Clocks | None = None) -> None:
        self.data = data.prepare()
        self.clocks = clocks or Clocks()
        self.clock = self.clocks.wall
        schema.prepare(data.database)
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        """Close the idle connections; those in use are closed when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection, the caller's until it leaves the block."""
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = schema.connect(self.data.database)
        try:
            yield connection
        finally:
            with self._lock:
                keep = not self._closed
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()

    @contextlib.contextmanager
    def writing(self, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """A durable write transaction; keep it to a few statements. One that is not durable waits neither for the disk
        nor long for others: for what is soon said again.

        Raises Unavailable where the disk is full (507) or another process does not let go of the lock (503).
        """
        try:
            with self.reading() if durable else self._hasty() as connection, schema.transaction(connection):
                yield connection
        except sqlite3.OperationalError as error:
            if "full" in str(error):
                raise Unavailable("The kiosk's storage is full. Please tell the staff.", "disk_full", 507) from error
            if "locked" in str(error):
                raise Unavailable("The kiosk is busy. Please try again in a moment.", "busy") from error
            raise

    @contextlib.contextmanager
    def _hasty(self) -> Iterator[sqlite3.Connection]:
        with self.reading() as connection:
            schema.set_patience(connection, durable=False)
            try:
                yield connection
            finally:
                schema.set_patience(connection)


class Watch:
    """Notices commits of other connections, for one thread at a time: a connection that only asks
    `PRAGMA data_version`, which costs microseconds."""

    def __init__(self, database: Database) -> None:
        self._connection: sqlite3.Connection = schema.connect(database.data.database)
        self._version: int | None = None

    def changed(self) -> bool:
        """True where a transaction was committed since the last question; True the first time."""
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        changed, self._version = version != self._version, version
        return changed

    def close(self) -> None:
        self._connection.close()
