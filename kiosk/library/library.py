"""The library: one SQLite file, and one folder per photo.

Files are written before the transaction that records them, and removed after the transaction that deletes them.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import logging
import sqlite3
from collections.abc import Sequence

from kiosk import settings as settings_file
from kiosk.errors import BadInput, Unavailable
from kiosk.library import notices
from kiosk.library.database import Database
from kiosk.library.files import TOKEN, PhotoFiles
from kiosk.library.jobs import Jobs
from kiosk.library.records import GONE, QUEUED, WORKING, Image, Photo, State, Status
from kiosk.library.upkeep import lifetime
from kiosk.library.upkeep.lifetime import Clocks
from kiosk.settings import Retention
from kiosk.storage import DataFolder

log = logging.getLogger(__name__)

_PHOTO = """photos.id AS id, token, photos.state AS state, style, source, width, height, gpano, bytes, created, expires,
            changed, error_code, error, stereo, shown, place, approved, hidden, held, checked, binned, event"""


class Library(Database):
    """Photos and their jobs in a data folder.

    retention: lifetime and quota; None reads them from the settings file. Raises Unavailable if the folder or the
    database cannot be used.
    """

    def __init__(self, data: DataFolder, retention: Retention | None = None, *, clocks: Clocks | None = None) -> None:
        super().__init__(data, clocks)
        self.retention = retention or settings_file.load(data.settings).retention
        self.jobs = Jobs(self)
        self._begin_boot()

    def _begin_boot(self) -> None:
        with self.reading() as connection:
            known = connection.execute("SELECT boot FROM lifetime").fetchone()[0]
        if known != self.clocks.boot_name():
            # On a full disk, the first tick that can be written catches up.
            with contextlib.suppress(Unavailable):
                self.tick()

    def tick(self) -> float:
        """Advance the kiosk's own clock and return it, in seconds (see lifetime.py). Call it about once a minute.

        A jump of the wall clock is logged and shown to the operator. Raises Unavailable if the database cannot be
        written.
        """
        is_set = self.clocks.is_set()
        longest = lifetime.SHARE_OF_LIFETIME * 3600 * (self.retention.hours or 24)
        with self.writing() as connection:
            now = lifetime.tick(connection, self.clocks, is_set, longest)
        if now.jump:
            sentence = lifetime.jump_sentence(now.jump, self.clock())
            log.warning("%s", sentence)
            notices.say(self.data, "clock", sentence)
        return now.lived

    def files(self, token: str) -> PhotoFiles:
        """The paths of a photo, whether or not it exists. BadInput (404) if `token` is malformed."""
        if not TOKEN.fullmatch(token):
            raise no_such_photo()
        return PhotoFiles(self.data, token)

    def photo(self, token: str) -> Photo:
        """The photo or its tombstone. BadInput (404) if there is neither."""
        with self.reading() as connection:
            row = connection.execute(
                f"SELECT {_PHOTO} FROM photos WHERE token = ?",  # noqa: S608 (columns are ours)
                (token,),
            ).fetchone()
        if row is None:
            raise no_such_photo()
        return photo_of(row)

    def unfinished(self, limit: int = 100) -> list[Status]:
        """Photos that are waiting or in progress, in the order in which they will be ready."""
        marks = ", ".join("?" * len(QUEUED + WORKING))
        found = self.select(f"photos.state IN ({marks}) AND binned IS NULL", QUEUED + WORKING)
        return sorted(found, key=lambda status: (status.position or 0, status.photo.id))[:limit]

    def everything(self, limit: int = 1000) -> list[Status]:
        """All photos that are neither expired, deleted nor in the bin, newest first."""
        here = "photos.state NOT IN ('expired', 'deleted') AND binned IS NULL"
        return self.select(f"{here} ORDER BY photos.id DESC LIMIT ?", (limit,))

    def ready(self) -> list[tuple[str, float, int]]:
        """(token, creation in seconds since 1970, ID) of every ready photo that is not in the bin, newest first."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT token, created, id FROM photos WHERE state = 'ready' AND binned IS NULL ORDER BY id DESC"
            ).fetchall()
        return [tuple(row) for row in rows]

    def status(self, token: str) -> Status:
        """A photo's state, progress and pictures. BadInput (404) if it is unknown."""
        found = self.statuses([token])
        if not found:
            raise no_such_photo()
        return found[token]

    def statuses(self, tokens: Sequence[str]) -> dict[str, Status]:
        """The status of each known photo in `tokens`; unknown ones are left out."""
        found: dict[str, Status] = {}
        for start in range(0, len(tokens), 500):
            part = tokens[start : start + 500]
            marks = ", ".join("?" * len(part))
            found.update({status.photo.token: status for status in self.select(f"token IN ({marks})", part)})
        return found

    def select(self, where: str, values: Sequence[object]) -> list[Status]:
        """The photos that match `where`, an SQL condition with an order, on the tables photos and jobs."""
        with self.reading() as connection:
            connection.execute("BEGIN")
            try:
                rows = connection.execute(
                    f"""SELECT {_PHOTO}, jobs.id AS job, jobs.state AS job_state, progress, eta, eta_at
                        FROM photos LEFT JOIN jobs ON jobs.photo_id = photos.id WHERE {where}""",  # noqa: S608 (ours)
                    tuple(values),
                ).fetchall()
                ids = [row["id"] for row in rows]
                images: dict[int, list[Image]] = {id_: [] for id_ in ids}
                for start in range(0, len(ids), 500):
                    part = ids[start : start + 500]
                    for row in connection.execute(
                        f"""SELECT photo_id, kind, name, width, height, tile, overlap, version FROM images
                            WHERE photo_id IN ({", ".join("?" * len(part))}) ORDER BY width, rowid""",  # noqa: S608
                        part,
                    ):
                        image = Image(*tuple(row)[1:])
                        images[row["photo_id"]].append(image)
                queue = self.jobs.queue(connection) if any(row["state"] in QUEUED + WORKING for row in rows) else None
            finally:
                connection.execute("COMMIT")
        statuses = []
        for row in rows:
            photo = photo_of(row)
            progress, eta, position = (1.0 if photo.state == "ready" else row["progress"] or 0.0), None, None
            if queue is not None and photo.state in QUEUED + WORKING and not photo.is_gone:
                position, eta = queue.place(row["job"])
            statuses.append(Status(photo, progress, eta, position, tuple(images[photo.id])))
        return statuses

    def counts(self) -> dict[State, int]:
        """The number of photos in each state, without those in the bin. States without photos are absent."""
        with self.reading() as connection:
            return dict(
                connection.execute(
                    "SELECT state, count(*) FROM photos WHERE binned IS NULL OR state IN ('expired', 'deleted') "
                    "GROUP BY state"
                ).fetchall()
            )

    def used_bytes(self) -> int:
        """Bytes that all photos take on disk, as recorded in the database."""
        with self.reading() as connection:
            return connection.execute("SELECT coalesce(sum(bytes), 0) FROM photos").fetchone()[0]

    def delete(self, token: str, owner_key: str | None) -> None:
        """Delete a photo on its owner's behalf, in any state. A worker that holds it loses its lease. Raises BadInput
        as `check_owner` does."""
        self.check_owner(token, owner_key)
        self.remove(token)

    def check_owner(self, token: str, owner_key: str | None) -> None:
        """Raise BadInput: 404 if the photo does not exist or is gone, 403 if the key is wrong."""
        with self.reading() as connection:
            row = connection.execute("SELECT owner_hash, state FROM photos WHERE token = ?", (token,)).fetchone()
        if row is None or row["state"] in GONE:
            raise no_such_photo()
        if not hmac.compare_digest(hash_key(owner_key or ""), row["owner_hash"]):
            raise BadInput(
                "Only whoever brought this photo can do that: the owner key is missing or wrong.", "wrong_key", 403
            )

    def remove(self, token: str, as_state: State = "deleted") -> None:
        """Remove a photo without its owner key, for the operator and for retention. Leaves a tombstone in `as_state`
        (deleted or expired). BadInput (404) if the photo does not exist or is gone."""
        if not self.bury(token, as_state):
            raise no_such_photo()

    def bury(self, token: str, as_state: State, unless_leased: bool = False) -> bool:
        """Leave a tombstone of a photo and remove its files; return whether it was there. unless_leased: not if a
        worker holds it."""
        files = self.files(token)
        try:
            with self.writing() as connection:
                if not _bury(connection, token, as_state, self.clocks, unless_leased):
                    return False
        except Unavailable as error:
            if error.code != "disk_full":
                raise
            # Even a delete needs a few pages of the log. On a completely full disk, removing the files first frees
            # them.
            with self.reading() as connection:
                if not _may_bury(connection, token, unless_leased):
                    return False
            files.remove()
            with self.writing() as connection:
                return _bury(connection, token, as_state, self.clocks, unless_leased)
        files.remove()
        return True

    def flag(self, name: str) -> bool:
        """Whether a flag is set, such as INTAKE_PAUSED."""
        with self.reading() as connection:
            return connection.execute("SELECT 1 FROM notes WHERE key = ?", (name,)).fetchone() is not None

    def set_flag(self, name: str, on: bool) -> None:
        """Set a flag durably, or clear it."""
        with self.writing() as connection:
            if on:
                connection.execute("INSERT OR REPLACE INTO notes VALUES (?, 'yes')", (name,))
            else:
                connection.execute("DELETE FROM notes WHERE key = ?", (name,))


def _bury(connection: sqlite3.Connection, token: str, as_state: State, clocks: Clocks, unless_leased: bool) -> bool:
    """Turn a photo's row into a tombstone and cancel its job; return whether that was allowed (see `_may_bury`)."""
    if not _may_bury(connection, token, unless_leased):
        return False
    row = connection.execute("SELECT id FROM photos WHERE token = ?", (token,)).fetchone()
    connection.execute(
        "UPDATE photos SET state = ?, changed = ?, lives = ?, bytes = 0, gpano = NULL, place = NULL, error = NULL, "
        "error_code = NULL WHERE id = ?",
        (as_state, clocks.wall(), lifetime.lived(connection, clocks) + lifetime.TOMBSTONE_SECONDS, row["id"]),
    )
    connection.execute("DELETE FROM images WHERE photo_id = ?", (row["id"],))
    connection.execute(
        "UPDATE jobs SET state = 'cancelled' WHERE photo_id = ? AND state IN ('waiting', 'leased')", (row["id"],)
    )
    return True


def _may_bury(connection: sqlite3.Connection, token: str, unless_leased: bool) -> bool:
    leased = "SELECT 1 FROM jobs JOIN photos ON photos.id = photo_id WHERE token = ? AND jobs.state = 'leased'"
    if unless_leased and connection.execute(leased, (token,)).fetchone():
        return False
    row = connection.execute("SELECT state FROM photos WHERE token = ?", (token,)).fetchone()
    return row is not None and row["state"] not in GONE


def hash_key(owner_key: str) -> bytes:
    """The hash under which an owner key is stored."""
    return hashlib.sha256(owner_key.encode()).digest()


def no_such_photo() -> BadInput:
    return BadInput("There is no such photo here; it may have been deleted or have expired.", "no_such_photo", 404)


def photo_of(row: sqlite3.Row) -> Photo:
    """The Photo of a row with all of a photo's columns."""
    return Photo(
        id=row["id"],
        token=row["token"],
        state=row["state"],
        style=row["style"],
        source=row["source"],
        width=row["width"],
        height=row["height"],
        gpano=json.loads(row["gpano"]) if row["gpano"] else None,
        bytes=row["bytes"],
        created=row["created"],
        expires=row["expires"],
        changed=row["changed"],
        error_code=row["error_code"],
        error=row["error"],
        stereo=row["stereo"],
        shown=bool(row["shown"]),
        approved=bool(row["approved"]),
        hidden=bool(row["hidden"]),
        held=row["held"],
        checked=row["checked"],
        binned=row["binned"],
        event=row["event"],
        place=json.loads(row["place"]) if row["place"] else None,
    )
