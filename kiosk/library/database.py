"""The database of a data folder: connections, transactions, and change detection.

Several processes open it at once. Every write transaction is a few statements and takes milliseconds, because all other
writers wait for it.
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
    """The database in `data`; created if missing. Thread-safe.

    Raises Unavailable if the folder or the database cannot be used.
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
        """Close the idle connections. Connections in use are closed when they are returned."""
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
        """Lend a connection to the caller for the duration of the block."""
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
        """Open a write transaction; keep it to a few statements.

        durable=False does not wait for the disk and gives up quickly if another writer holds the lock. Use it for
        values that are written again soon. Raises Unavailable if the disk is full (507) or another process keeps the
        lock (503).
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
    """Detects commits by other connections with `PRAGMA data_version`, which costs microseconds. One thread at a
    time."""

    def __init__(self, database: Database) -> None:
        self._connection: sqlite3.Connection = schema.connect(database.data.database)
        self._version: int | None = None

    def changed(self) -> bool:
        """Whether anything was committed since the last call; True on the first call."""
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        changed, self._version = version != self._version, version
        return changed

    def close(self) -> None:
        self._connection.close()
