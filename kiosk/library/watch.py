"""Notice that somebody wrote, without asking every row: SQLite counts the commits of other connections."""

from __future__ import annotations

import sqlite3

from kiosk.library import schema
from kiosk.library.library import Library


class Watch:
    """One connection that only asks `PRAGMA data_version`, which costs microseconds. For one thread at a time."""

    def __init__(self, library: Library) -> None:
        self._connection: sqlite3.Connection = schema.connect(library.data.database)
        self._version: int | None = None

    def changed(self) -> bool:
        """True where a transaction was committed since the last question; True the first time."""
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        changed, self._version = version != self._version, version
        return changed

    def close(self) -> None:
        self._connection.close()
