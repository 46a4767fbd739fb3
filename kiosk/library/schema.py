"""The tables of library.sqlite, and the migrations from older versions.

photos      one row per photo; kept as a tombstone for a while after the photo is gone
    token           identifies the photo in URLs, 128 random bits; whoever has it may view the photo
    owner_hash      SHA-256 of the owner key (192 random bits, so it needs no salt); whoever has the key may delete
    state           received, waiting, dreaming, upscaling, publishing, ready, failed, expired, deleted
    style           the name of the style the guest chose; null for the operator's default
    source          where it came from: upload, camera, folder, rescued, ...
    width, height   of the upright original, in pixels
    gpano           the photo's GPano fields as JSON, or null
    stereo          "top-bottom" if the original is a stereo pair, else null
    place           how the original lies on the sphere: a sphere.place.Place as JSON; null if nobody has decided it
    shown           1 if its guest agreed that others may see it, or the kiosk's own camera took it
    approved        0 while it waits for the operator, before others may see it; hidden: 1 if the operator hid it
    held            why the kiosk itself holds it back: nudity, or unseen, until it was looked at; null if it does not
    checked         what was looked at for that: 1 the photo, 2 the dream; 4 if the operator let it pass, whatever it is
    binned          when the operator put it into the bin, on the kiosk's own clock; null if it is not there
    event           the event it belongs to
    asked           the ID of the camera request it was taken for, or null
    client          who brought it: a pseudonym that is valid until the machine restarts, see fairness.py; null for the
                    kiosk's own camera and for guests who cannot be told apart
    bytes           disk space taken by its folder
    created, expires, changed   wall clock, seconds since 1970, for display; expires is null if photos never expire
    born, lives     seconds on the kiosk's own clock (see lifetime.py): when the photo arrived; when it, or its
                    tombstone, is removed
    error_code, error           why it failed: a code for programs, a sentence for the guest
jobs        one row per photo: the work that makes it ready
    recipe          JSON; together with the original's bytes it determines the result
    turn            position in the fair queue, see fairness.py; ties go by id
    state           waiting, leased, finished, failed, cancelled
    fence           fencing number: grows with every lease; a worker's writes count only under its own lease's number
    attempts        number of leases so far, without those given back
    tries           number of leases since the last progress; at ATTEMPTS the job fails
    reached         progress at that time
    worker, lease_boot, lease_until     who holds the lease, and until when: seconds since that boot (CLOCK_BOOTTIME)
    started, seconds                    when the lease began, on the same clock; how long the finished job took under it
    progress        0..1; eta: seconds left as the worker estimated at eta_at, in seconds since boot
images      one row per picture that can be fetched
    kind            original, sphere, dream, upscaled, flat, level, preview, thumb
    name            path below the photo's URL; for a tiled level a template with {col} and {row}
    width, height   pixels; tile: edge of a square tile in pixels, null for an untiled picture; overlap: pixels of its
                    neighbors that a tile's file has on each side; version: from 1, grows with each that replaces it
lifetime    one row: the kiosk's own clock, see lifetime.py
    lived           that clock's reading, in seconds, taken at moment (seconds since boot), when the wall clock read
                    wall; wall_set = 1 if the wall clock was known to be right
    off_wall, off_moment, off_counted   set while the length of the last power-off is unknown: the wall clock before it,
                    the time since boot when it was estimated, and the estimate in seconds
events      one row per event; name; opened, closed, exported, wiped: wall clock, seconds since 1970
sessions    the operator's sessions: SHA-256 of the cookie; begun, used: the kiosk's own clock
screens     paired booth screens: SHA-256 of the cookie; name; paired: wall clock
codes       word codes: a hash of the words; the owner key, sealed with the words; lives: the kiosk's own clock
blocked     pseudonyms of clients that may bring nothing more for a day; since: wall clock
notes       flags that must survive a restart, such as paused intake
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from kiosk.errors import Unavailable
from kiosk.library.records import Image

BUSY_MILLISECONDS = 5000
HASTY_MILLISECONDS = 100
"""How long to wait for other writers; HASTY for writes that need not be durable."""

MIGRATIONS = tuple(
    script.read_text(encoding="utf-8") for script in sorted((Path(__file__).parent / "migrations").glob("*.sql"))
)
"""Script number n (from 1) migrates to user_version n. Never edit one that has shipped."""


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection in autocommit mode with `sqlite3.Row` rows. Any thread may use it, one at a time."""
    connection = sqlite3.connect(
        path, timeout=BUSY_MILLISECONDS / 1000, isolation_level=None, check_same_thread=False, cached_statements=128
    )
    connection.row_factory = sqlite3.Row
    set_patience(connection)
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def set_patience(connection: sqlite3.Connection, durable: bool = True) -> None:
    """Set how long commits wait. durable: a commit is on the disk when it returns (synchronous=FULL). Otherwise a power
    cut may lose the last commits but never corrupts the file, and the wait for other writers is short."""
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS if durable else HASTY_MILLISECONDS}")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Open a write transaction; it takes the lock at once, and any waiting happens here."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        # After some errors, such as a full disk, SQLite has already rolled back.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def prepare(path: Path) -> None:
    """Create or migrate the database at `path` and check its integrity.

    Raises Unavailable if the file is damaged or was made by a newer version.
    """
    try:
        with contextlib.closing(connect(path)) as connection:
            _use_wal(connection)
            _migrate(connection, path)
            verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise Unavailable(f"cannot open {path}: {error}", "database") from error
        raise _damaged(path, str(error)) from error
    if verdict != "ok":
        raise _damaged(path, verdict)
    path.chmod(0o600)


def _use_wal(connection: sqlite3.Connection) -> None:
    # Switching to WAL needs exclusive access and ignores the busy timeout: of two processes, one has to retry.
    for _ in range(50):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(0.05)
    connection.execute("PRAGMA journal_mode = WAL")


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    with transaction(connection):
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            raise Unavailable(
                f"{path} was made by a newer version of Dream Kiosk (schema {version}, this one knows "
                f"{len(MIGRATIONS)}); install that version again",
                "database_newer",
            )
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            # Not executescript(), which commits first: a migration must be atomic.
            for statement in filter(None, (part.strip() for part in script.split(";"))):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")


def _damaged(path: Path, reason: str) -> Unavailable:
    return Unavailable(
        f"the database {path} is damaged ({reason}); restore it from a backup, or start the kiosk with "
        "`dreamkiosk run`: it sets the damaged file aside and rebuilds the database from the photos' folders",
        "database_damaged",
    )


def insert_photo(
    connection: sqlite3.Connection,
    columns: Mapping[str, object],
    images: Iterable[Image],
    *,
    recipe: Mapping[str, object] | None = None,
    job_state: str = "waiting",
    progress: float = 0.0,
    turn: int = 0,
) -> int:
    """Insert a photo with its job and its pictures, within the caller's transaction; returns its number.

    `columns` are those of the photos table. `recipe`: the parameters that are fixed already. `turn`: see fairness.py.
    """
    marks = ", ".join(f":{name}" for name in columns)
    number = connection.execute(
        f"INSERT INTO photos ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608 (names are ours)
        dict(columns),
    ).lastrowid
    assert number is not None
    connection.execute(
        "INSERT INTO jobs (photo_id, recipe, state, progress, turn) VALUES (?, ?, ?, ?, ?)",
        (number, json.dumps(recipe or {}), job_state, progress, turn),
    )
    insert_images(connection, number, images)
    return number


def insert_images(connection: sqlite3.Connection, photo: int, images: Iterable[Image]) -> None:
    """Insert pictures of the photo with this number; each replaces one of the same name, as its next version."""
    connection.executemany(
        "INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (photo_id, name) DO UPDATE SET (width, height, "
        "tile, overlap, version) = (excluded.width, excluded.height, excluded.tile, excluded.overlap, version + 1)",
        [(photo, one.kind, one.name, one.width, one.height, one.tile, one.overlap) for one in images],
    )
