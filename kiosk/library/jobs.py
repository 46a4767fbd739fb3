"""Jobs: leases, progress and results of the work on photos.

A worker leases a job and renews the lease while it works. If the worker dies, the lease runs out and the job is leased
again; at once if the worker is known to have ended (presence.py), or asks again under its own name. Each lease has a
fencing number, and a worker's writes count only while its lease is the newest. A photo leased PATIENCE times (queue.py)
without progress yields to the others. After ATTEMPTS such leases it is assumed to crash the worker, and fails with a
sentence. A photo that makes progress on every lease may be interrupted any number of times.
"""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any

from kiosk.errors import KioskError, Unavailable
from kiosk.library import boot, presence, schema
from kiosk.library.database import Database
from kiosk.library.files import PhotoFiles, folder_size
from kiosk.library.queue import OPEN, TURN, Queue, queue_of
from kiosk.library.records import WORKING, Image, Job, State
from kiosk.library.upkeep import lifetime

log = logging.getLogger(__name__)

ATTEMPTS = 4
FURTHER = 0.02
"""The smallest increase of progress (0..1) that resets the count of leases without progress."""
GIVEN_UP = "This photo stopped the kiosk several times, so it will not be tried again. Please try another one."
# The least time between two writes of progress: each write is a commit, and SD cards wear out.
PROGRESS_SECONDS = 0.4


class LeaseLost(KioskError):
    """The job no longer belongs to this worker: the photo was deleted, or another worker holds the lease."""

    def __init__(self) -> None:
        super().__init__("the lease on this job was lost; leave the photo as it is", "lease_lost")


class Jobs:
    """The jobs of a library. Every method is one short transaction. Lease times are seconds since boot."""

    def __init__(self, database: Database, clock: Callable[[], float] = boot.now) -> None:
        self._database = database
        self._clock = clock
        self._progress_lock = threading.Lock()
        self._progress_written: tuple[int, str, float] = (0, "", float("-inf"))

    def lease(self, worker: str, seconds: float = 30) -> Job | None:
        """Lease the next open job to `worker` for `seconds`; None if there is nothing to do.

        A job is open if it waits, or its lease ran out, dates from an earlier boot, or belongs to a worker that has
        ended or has this name. The lease's folder exists and holds the checkpoints of the previous lease.
        """
        while True:
            with self._database.writing() as connection:
                _acknowledge(connection, self._database.clock())
                self._end_leases_of_the_dead(connection, worker)
                row = connection.execute(
                    f"""SELECT jobs.id AS id, photo_id, recipe, fence, attempts, tries, {_PHOTO_COLUMNS}
                        FROM jobs JOIN photos ON photos.id = photo_id
                        WHERE {OPEN} ORDER BY {TURN} LIMIT 1""",  # noqa: S608 (all of it is ours)
                    (boot.identity(), self._clock()),
                ).fetchone()
                if row is None:
                    return None
                if row["tries"] < ATTEMPTS:
                    connection.execute(
                        """UPDATE jobs SET state = 'leased', worker = ?, lease_boot = ?, lease_until = ?,
                           fence = fence + 1, attempts = attempts + 1, tries = tries + 1, started = ?, eta = NULL,
                           eta_at = NULL
                           WHERE id = ?""",
                        (worker, boot.identity(), self._clock() + seconds, self._clock(), row["id"]),
                    )
                    connection.execute(
                        "UPDATE photos SET state = 'dreaming', changed = ? WHERE id = ?",
                        (self._database.clock(), row["photo_id"]),
                    )
                    # Inside the transaction: once this lease counts, the previous one has no folder to write to.
                    PhotoFiles(self._database.data, row["token"]).take_over(row["fence"] + 1)
                    return Job(
                        id=row["id"],
                        photo_id=row["photo_id"],
                        token=row["token"],
                        style=row["style"],
                        recipe=json.loads(row["recipe"]),
                        fence=row["fence"] + 1,
                        leases=row["attempts"] + 1,
                        leases_since_progress=row["tries"] + 1,
                        worker=worker,
                        width=row["width"],
                        height=row["height"],
                        gpano=json.loads(row["gpano"]) if row["gpano"] else None,
                        waited=max(0.0, lifetime.lived(connection, self._database.clocks) - row["born"]),
                    )
                _fail(connection, row["id"], row["photo_id"], GIVEN_UP, "gave_up", self._database.clock())

    def _end_leases_of_the_dead(self, connection: sqlite3.Connection, asking: str) -> None:
        """Expire the leases of workers that have ended, and of `asking`, which holds no job."""
        names = {
            row[0]
            for row in connection.execute(
                "SELECT worker FROM jobs WHERE state = 'leased' AND lease_boot = ? AND lease_until >= ?",
                (boot.identity(), self._clock()),
            )
        }
        for name in names:
            if name == asking or presence.has_ended(self._database.data, name):
                connection.execute("UPDATE jobs SET lease_until = -1 WHERE state = 'leased' AND worker = ?", (name,))

    def renew(self, job: Job, seconds: float = 30) -> None:
        """Extend the lease to `seconds` from now. Raises LeaseLost."""
        with self._database.writing() as connection:
            _acknowledge(connection, self._database.clock())
            _hold(connection, job)
            connection.execute(
                "UPDATE jobs SET lease_boot = ?, lease_until = ? WHERE id = ?",
                (boot.identity(), self._clock() + seconds, job.id),
            )

    def progress(self, job: Job, state: State, fraction: float, eta_seconds: float | None = None) -> None:
        """Report progress: `fraction` of the whole job, clamped to 0..1, and `eta_seconds` until ready.

        Cheap enough to call on every iteration: it writes at most once per PROGRESS_SECONDS within one state, and does
        not wait for the disk. A write that fails because the database is busy or the disk is full is skipped; it never
        interrupts a photo. Raises LeaseLost, but only on a call that writes.
        """
        if state not in WORKING:
            raise ValueError(f"{state!r} is not a state of work; one of {WORKING}")
        with self._progress_lock:
            number, last_state, last = self._progress_written
            moment = time.monotonic()
            if number == job.id and last_state == state and moment - last < PROGRESS_SECONDS:
                return
            fraction = min(max(fraction, 0.0), 1.0)
            try:
                with self._database.writing(durable=False) as connection:
                    _hold(connection, job)
                    connection.execute(
                        "UPDATE jobs SET progress = ?, eta = ?, eta_at = ? WHERE id = ?",
                        (fraction, eta_seconds, self._clock(), job.id),
                    )
                    connection.execute(
                        "UPDATE jobs SET tries = 0, reached = ? WHERE id = ? AND reached < ?",
                        (fraction, job.id, fraction - FURTHER),
                    )
                    connection.execute(
                        "UPDATE photos SET state = ?, changed = ? WHERE id = ?",
                        (state, self._database.clock(), job.photo_id),
                    )
            except Unavailable as error:
                log.info("photo %s: progress is not shown for now: %s", job.id, error)
            self._progress_written = (job.id, state, moment)

    def add_images(self, job: Job, images: list[Image], put: Callable[[], None] | None = None) -> None:
        """Record pictures in one transaction, each under its name below the photo's folder (see files.py); the same
        name again replaces the entry. `put`, if given, moves their files into place inside it, while no other worker
        can take the job. Raises LeaseLost, before `put` is called."""
        with self._database.writing() as connection:
            _hold(connection, job)
            if put is not None:
                put()
            schema.insert_images(connection, job.photo_id, images)
            connection.execute("UPDATE photos SET changed = ? WHERE id = ?", (self._database.clock(), job.photo_id))

    def say_stereo(self, job: Job, mode: str) -> None:
        """Record that the original turned out to be a stereo pair; `mode` is "top-bottom". Raises LeaseLost."""
        with self._database.writing() as connection:
            _hold(connection, job)
            connection.execute(
                "UPDATE photos SET stereo = ?, changed = ? WHERE id = ?", (mode, self._database.clock(), job.photo_id)
            )

    def finish(self, job: Job, recipe: dict[str, Any] | None = None) -> None:
        """Mark the photo as ready, after all its pictures were written and recorded.

        `recipe`, if given, replaces the job's, as the record of what was actually done. Removes the checkpoints. Raises
        LeaseLost.
        """
        files = PhotoFiles(self._database.data, job.token)
        size = files.size() - folder_size(files.work)
        with self._database.writing() as connection:
            _hold(connection, job)
            connection.execute(
                "UPDATE jobs SET state = 'finished', progress = 1, seconds = ? - started, eta = NULL, "
                "recipe = coalesce(?, recipe) WHERE id = ?",
                (self._clock(), None if recipe is None else json.dumps(recipe), job.id),
            )
            connection.execute(
                "UPDATE photos SET state = 'ready', bytes = ?, changed = ? WHERE id = ?",
                (size, self._database.clock(), job.photo_id),
            )
        shutil.rmtree(files.work, ignore_errors=True)

    def fail(self, job: Job, sentence: str, code: str = "failed") -> None:
        """Mark the photo as failed; `sentence` tells the guest why. Raises LeaseLost."""
        with self._database.writing() as connection:
            _hold(connection, job)
            _fail(connection, job.id, job.photo_id, sentence, code, self._database.clock())
        shutil.rmtree(PhotoFiles(self._database.data, job.token).work, ignore_errors=True)

    def fail_leases_of(self, prefix: str, sentence: str, code: str) -> int:
        """Fail every job leased in this boot by a worker whose name begins with `prefix`; return how many."""
        with self._database.writing() as connection:
            rows = connection.execute(
                """SELECT jobs.id AS id, photo_id, token FROM jobs JOIN photos ON photos.id = photo_id
                   WHERE jobs.state = 'leased' AND lease_boot = ? AND substr(worker, 1, ?) = ?""",
                (boot.identity(), len(prefix), prefix),
            ).fetchall()
            for row in rows:
                _fail(connection, row["id"], row["photo_id"], sentence, code, self._database.clock())
        for row in rows:
            shutil.rmtree(PhotoFiles(self._database.data, row["token"]).work, ignore_errors=True)
        return len(rows)

    def workers(self) -> set[str]:
        """The names of the workers that hold a lease."""
        with self._database.reading() as connection:
            return {row[0] for row in connection.execute("SELECT worker FROM jobs WHERE state = 'leased'")}

    def release(self, job: Job) -> None:
        """Return the job to the queue unfinished, as on shutdown. The lease does not count as an attempt. Raises
        LeaseLost."""
        with self._database.writing() as connection:
            _hold(connection, job)
            connection.execute(
                "UPDATE jobs SET state = 'waiting', worker = NULL, attempts = attempts - 1, tries = max(tries - 1, 0) "
                "WHERE id = ?",
                (job.id,),
            )
            connection.execute(
                "UPDATE photos SET state = 'waiting', changed = ? WHERE id = ?", (self._database.clock(), job.photo_id)
            )

    def queue(self, connection: sqlite3.Connection) -> Queue:
        """The open jobs as `connection` sees them."""
        return queue_of(connection, self._clock(), lifetime.lived(connection, self._database.clocks))


_PHOTO_COLUMNS = "token, style, width, height, gpano, born"


def _acknowledge(connection: sqlite3.Connection, now: float) -> None:
    # A photo stays "received" until a live worker has seen it in the queue.
    connection.execute("UPDATE photos SET state = 'waiting', changed = ? WHERE state = 'received'", (now,))


def _hold(connection: sqlite3.Connection, job: Job) -> None:
    # A lease that ran out still belongs to this worker until the job is leased again.
    row = connection.execute("SELECT state, worker, fence FROM jobs WHERE id = ?", (job.id,)).fetchone()
    if row is None or tuple(row) != ("leased", job.worker, job.fence):
        raise LeaseLost


def _fail(connection: sqlite3.Connection, job: int, photo: int, sentence: str, code: str, now: float) -> None:
    connection.execute("UPDATE jobs SET state = 'failed', eta = NULL WHERE id = ?", (job,))
    connection.execute(
        "UPDATE photos SET state = 'failed', error = ?, error_code = ?, changed = ? WHERE id = ?",
        (sentence, code, now, photo),
    )
