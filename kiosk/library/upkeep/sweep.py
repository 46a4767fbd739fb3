"""The sweep: reconciles disk and database after a power cut. Run once at startup, before anybody writes.

Files without a row are abandoned uploads, interrupted before their transaction; they are removed. Rows without files
are photos lost by a damaged card; they fail with a sentence.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from kiosk.library import boot, intake_lock
from kiosk.library.files import TOKEN
from kiosk.library.library import Library
from kiosk.library.records import GONE
from kiosk.storage import TEMPORARY_SUFFIX

PART_SECONDS = 600
"""A partially written file that is older than this is abandoned."""
LOST = "This photo was lost when the power went. We are sorry; please bring it again."


@dataclass(frozen=True)
class Swept:
    """The result: number of files and folders removed, tokens of photos that had lost their files."""

    debris: int = 0
    lost: tuple[str, ...] = ()


def sweep(library: Library) -> Swept:
    """Remove debris and fail photos without files.

    Call it at startup, before uploads are accepted. It does not disturb a camera that is taking a photo in, or a worker
    that is writing; their debris stays until the next start.
    """
    with intake_lock.alone(library.data) as alone:
        return _sweep(library, alone)


def _sweep(library: Library, alone: bool) -> Swept:
    with library.reading() as connection:
        rows = connection.execute(
            """SELECT photos.id AS id, token, photos.state AS state, lease_boot, lease_until, jobs.state AS job
               FROM photos LEFT JOIN jobs ON jobs.photo_id = photos.id"""
        ).fetchall()
    living = {row["token"] for row in rows if row["state"] not in GONE}
    at_work = {
        row["token"]
        for row in rows
        if row["job"] == "leased" and row["lease_boot"] == boot.identity() and row["lease_until"] > boot.now()
    }
    debris = _discard_debris(library, living, at_work) if alone else 0
    lost = []
    for row in rows:
        if row["token"] not in living:
            continue
        _forget_missing_images(library, row["id"], row["token"])
        if row["state"] == "failed" or library.files(row["token"]).original.is_file():
            continue
        lost.append(row["token"])
        with library.writing() as connection:
            connection.execute(
                "UPDATE photos SET state = 'failed', error = ?, error_code = 'lost', changed = ? "
                "WHERE id = ? AND state NOT IN ('expired', 'deleted')",
                (LOST, library.clock(), row["id"]),
            )
            connection.execute(
                "UPDATE jobs SET state = 'failed' WHERE photo_id = ? AND state IN ('waiting', 'leased')", (row["id"],)
            )
    return Swept(debris, tuple(lost))


def _discard_debris(library: Library, living: set[str], at_work: set[str]) -> int:
    debris = sum(_discard(path) for path in library.data.spool.iterdir())
    for path in library.data.photos.iterdir():
        if not TOKEN.fullmatch(path.name) or path.name not in living:
            debris += _discard(path)
        elif path.name not in at_work:
            debris += sum(_discard(part) for part in path.rglob(f"*{TEMPORARY_SUFFIX}") if _is_left_over(part))
    previews = library.data.runtime / "previews"
    if previews.is_dir():
        debris += sum(_discard(path) for path in previews.iterdir() if path.name not in living)
    return debris


def _is_left_over(part: Path) -> bool:
    # If only the server restarted, a worker may still be writing, even after its lease ran out.
    try:
        return part.is_file() and time.time() - part.stat().st_mtime > PART_SECONDS
    except FileNotFoundError:
        return False


def _forget_missing_images(library: Library, photo: int, token: str) -> None:
    # Previews live in memory, so a reboot leaves their rows dangling.
    files = library.files(token)
    with library.reading() as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM images WHERE photo_id = ?", (photo,))]
    missing = []
    for name in names:
        path = files.public(name.format(col=0, row=0))
        if path is None or not path.is_file():
            missing.append((photo, name))
    if missing:
        with library.writing() as connection:
            connection.executemany("DELETE FROM images WHERE photo_id = ? AND name = ?", missing)


def _discard(path: Path) -> int:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    return 1
