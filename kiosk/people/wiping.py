"""Wiping an event: nothing of its photos stays in the data folder or the runtime folder.

Files are removed, rows are deleted without tombstones, and the database is written anew without free pages and with an
empty log. What the file system and the flash memory keep of removed files is beyond a program's reach: whoever has to
be sure of that encrypts the disk.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import time

from kiosk.errors import BadInput, Unavailable
from kiosk.library.library import Library
from kiosk.people.events import Event

WAIT_SECONDS = 20.0
"""How long to wait for others that read the database: its log is emptied when none does."""
PAUSE_SECONDS = 0.05


def check(event: Event, anyway: bool = False) -> None:
    """Raise BadInput (409) if the event is open, was wiped, or, without `anyway`, has photos that were not exported."""
    if event.is_open:
        raise BadInput(f"The event {event.name} is open. Close it first.", "event_open", 409)
    if event.wiped is not None:
        raise BadInput(f"The event {event.name} was wiped before.", "event_wiped", 409)
    if event.ready and not event.is_exported and not anyway:
        missing = event.late if event.exported else event.ready
        raise BadInput(
            f"{missing} photos of {event.name} were not exported. Export it first, or say that they may be lost.",
            "not_exported",
            409,
        )


def wipe(library: Library, event: Event, anyway: bool = False) -> int:
    """Remove everything of `event`; returns how many photos. Word codes go too, because they hold owner keys, and
    damaged databases that were put aside, because they hold photos' rows. The operator's sessions stay.

    Raises BadInput as `check` does; Unavailable if others kept the database busy, so that it has to be done again.
    """
    check(event, anyway)
    with library.reading() as connection:
        tokens = [row[0] for row in connection.execute("SELECT token FROM photos WHERE event = ?", (event.id,))]
    for token in tokens:
        # A worker loses its lease, and the folder it writes to.
        library.bury(token, "deleted")
        _remove_rests(library, token)
    for path in library.data.root.glob("library.damaged-*"):
        path.unlink(missing_ok=True)
    for path in library.data.runtime.glob(f"event-{event.id}.*"):
        path.unlink(missing_ok=True)
    with library.writing() as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("DELETE FROM codes")
        connection.execute(
            "DELETE FROM blocked WHERE client IN (SELECT client FROM photos WHERE event = ?) "
            "AND client NOT IN (SELECT client FROM photos WHERE event IS NOT ? AND client IS NOT NULL)",
            (event.id, event.id),
        )
        connection.execute("DELETE FROM photos WHERE event = ?", (event.id,))
    with library.reading() as connection:
        _write_anew(connection)
    # Only now: after an interruption, the event can be wiped again.
    with library.writing() as connection:
        connection.execute("UPDATE events SET wiped = ? WHERE id = ?", (library.clock(), event.id))
    for token in tokens:
        _remove_rests(library, token)
    return len(tokens)


def _remove_rests(library: Library, token: str) -> None:
    """Remove what an interrupted upload, removal or a worker may have left of a photo."""
    files = library.files(token)
    files.remove()
    rests = [files.home, library.data.photos / f".{token}.gone", files.previews, *library.data.spool.glob(f"{token}*")]
    for path in rests:
        shutil.rmtree(path, ignore_errors=True)


def _write_anew(connection: sqlite3.Connection) -> None:
    """Write the database without its free pages, and empty its write-ahead log. Raises Unavailable."""
    until = time.monotonic() + WAIT_SECONDS
    connection.execute("PRAGMA temp_store = MEMORY")
    while True:
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("VACUUM")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            if not busy:
                return
        if time.monotonic() > until:
            raise Unavailable("The database is busy. Please wipe the event again in a moment.", "busy")
        time.sleep(PAUSE_SECONDS)
