"""What the operator does to photos: hide, show, approve, delete, restore, move to the front of the queue.

Each deed is one transaction and returns how many photos it changed, and what `undo` needs to put them back. A deleted
photo goes into the bin: it is gone for everybody, but its files stay until the bin is emptied or space runs out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from kiosk.errors import BadInput
from kiosk.library.library import Library, no_such_photo
from kiosk.library.looking.verdict import PASSED
from kiosk.library.records import QUEUED, WORKING
from kiosk.library.upkeep import lifetime

MOST = 500
"""Photos that one deed may change."""


@dataclass(frozen=True)
class Deed:
    """What was done. before: the changed columns of each photo, by ID, as they were."""

    before: dict[int, dict[str, object]]

    @property
    def count(self) -> int:
        """How many photos it changed."""
        return len(self.before)


def hide(library: Library, tokens: Sequence[str]) -> Deed:
    """Keep photos from others. Their guests still see their own."""
    return _change(library, tokens, ("hidden",), "hidden = 1", "NOT hidden AND binned IS NULL")


def show(library: Library, tokens: Sequence[str]) -> Deed:
    """Let others see photos, if their guests agreed: neither hidden nor waiting any more, and passed if the kiosk held
    them back; it does not hold them again."""
    checked = f"CASE WHEN held IS NULL THEN checked ELSE checked | {PASSED} END"
    passed = f"hidden = 0, approved = 1, checked = {checked}, held = NULL"
    where = "(hidden OR NOT approved OR held IS NOT NULL) AND binned IS NULL"
    return _change(library, tokens, ("hidden", "approved", "held", "checked"), passed, where)


def approve(library: Library, tokens: Sequence[str]) -> Deed:
    """Approve photos that wait for the operator. What is hidden or held back stays so."""
    return _change(library, tokens, ("approved",), "approved = 1", "NOT approved AND binned IS NULL")


def delete(library: Library, tokens: Sequence[str]) -> Deed:
    """Put photos into the bin. One that waits or is being dreamed leaves the queue; its worker loses the lease."""
    with library.writing() as connection:
        now = lifetime.lived(connection, library.clocks)
        deed = _changed(connection, library, tokens, ("binned",), "binned = ?", "binned IS NULL", (now,))
        _settle_jobs(connection, deed)
    return deed


def restore(library: Library, tokens: Sequence[str]) -> Deed:
    """Take photos out of the bin. One that was waiting or being dreamed goes back to its place in the queue."""
    with library.writing() as connection:
        deed = _changed(connection, library, tokens, ("binned",), "binned = NULL", "binned IS NOT NULL")
        _settle_jobs(connection, deed)
    return deed


def undo(library: Library, deed: Deed) -> int:
    """Put the photos of a deed back as they were; returns how many. Those that are gone meanwhile stay gone."""
    back = 0
    with library.writing() as connection:
        for id_, columns in deed.before.items():
            assignments = ", ".join(f"{column} = :{column}" for column in columns)
            back += connection.execute(
                f"UPDATE photos SET {assignments}, changed = :changed WHERE id = :id "  # noqa: S608 (ours)
                "AND state NOT IN ('expired', 'deleted')",
                {**columns, "id": id_, "changed": library.clock()},
            ).rowcount
        _settle_jobs(connection, deed)
    return back


def empty_bin(library: Library, event: int | None = None) -> int:
    """Remove the files of what is in the bin, for good; returns how many photos. event: only that event's."""
    with library.reading() as connection:
        rows = connection.execute(
            "SELECT token FROM photos WHERE binned IS NOT NULL AND state NOT IN ('expired', 'deleted') "
            "AND (? IS NULL OR event = ?)",
            (event, event),
        ).fetchall()
    return sum(library.bury(row["token"], "deleted") for row in rows)


def to_front(library: Library, token: str) -> int:
    """Move a waiting photo to the front of the queue; returns its number. Raises BadInput: 404 if there is no such
    photo, 409 if it does not wait."""
    with library.writing() as connection:
        row = connection.execute(
            "SELECT photos.id AS id, jobs.id AS job, jobs.state AS state FROM photos JOIN jobs ON photo_id = photos.id "
            "WHERE token = ? AND binned IS NULL",
            (token,),
        ).fetchone()
        if row is None:
            raise no_such_photo()
        if row["state"] != "waiting":
            raise BadInput(f"Photo {row['id']} does not wait any more.", "not_waiting", 409)
        # What was begun still goes on first.
        connection.execute(
            "UPDATE jobs SET turn = (SELECT min(turn) FROM jobs WHERE state IN ('waiting', 'leased')) - 1 WHERE id = ?",
            (row["job"],),
        )
        connection.execute("UPDATE photos SET changed = ? WHERE id = ?", (library.clock(), row["id"]))
    return row["id"]


def _change(library: Library, tokens: Sequence[str], columns: tuple[str, ...], assignments: str, where: str) -> Deed:
    with library.writing() as connection:
        return _changed(connection, library, tokens, columns, assignments, where)


def _changed(
    connection: sqlite3.Connection,
    library: Library,
    tokens: Sequence[str],
    columns: tuple[str, ...],
    assignments: str,
    where: str,
    values: tuple[object, ...] = (),
) -> Deed:
    """Change `columns` of those of the photos that match `where`. Raises BadInput if there are too many."""
    if len(tokens) > MOST:
        raise BadInput(f"At most {MOST} photos can be changed at once.", "too_many")
    marks = ", ".join("?" * len(tokens))
    rows = connection.execute(
        f"SELECT id, {', '.join(columns)} FROM photos WHERE token IN ({marks}) "  # noqa: S608 (all of it is ours)
        f"AND state NOT IN ('expired', 'deleted') AND {where}",
        tuple(tokens),
    ).fetchall()
    deed = Deed({row["id"]: {column: row[column] for column in columns} for row in rows})
    moment = library.clock()
    connection.executemany(
        f"UPDATE photos SET {assignments}, changed = ? WHERE id = ?",  # noqa: S608 (ours)
        [(*values, moment, id_) for id_ in deed.before],
    )
    return deed


def _settle_jobs(connection: sqlite3.Connection, deed: Deed) -> None:
    """Take the jobs of photos in the bin from the queue, and put those of the others back if they are unfinished."""
    for id_ in deed.before:
        row = connection.execute("SELECT binned, state FROM photos WHERE id = ?", (id_,)).fetchone()
        if row["binned"] is not None:
            connection.execute(
                "UPDATE jobs SET state = 'cancelled' WHERE photo_id = ? AND state IN ('waiting', 'leased')", (id_,)
            )
        elif row["state"] in QUEUED + WORKING:
            connection.execute(
                "UPDATE jobs SET state = 'waiting', worker = NULL, eta = NULL "
                "WHERE photo_id = ? AND state = 'cancelled'",
                (id_,),
            )
            connection.execute("UPDATE photos SET state = 'waiting' WHERE id = ?", (id_,))
