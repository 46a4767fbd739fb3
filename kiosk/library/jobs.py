"""The queue: who works on which photo, how far it is, and when the others' turn will come.

A worker leases a job and renews the lease while it works. One that dies stops renewing, and the job is leased again: at
once where the worker is known to have ended (presence.py), or asks again under its own name. Each lease has a number,
the fence; whatever a worker writes or says counts only as long as its lease is the newest. A photo that was leased
PATIENCE times (queue.py) without getting further lets the others go first; after ATTEMPTS times it is taken to be what
kills the worker, and fails with a sentence. A photo that gets further each time may be interrupted as often as it
takes.
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
from kiosk.library import boot, presence
from kiosk.library.database import Database
from kiosk.library.files import PhotoFiles, folder_size
from kiosk.library.queue import OPEN, TURN, Queue, queue_of
from kiosk.library.records import WORKING, Image, ImageKind, Job, State
from kiosk.library.upkeep import lifetime

log = logging.getLogger(__name__)

ATTEMPTS = 8
FURTHER = 0.02
"""Progress, of the whole way, that counts as having got further."""
GIVEN_UP = "This photo stopped the kiosk several times, so it will not be tried again. Please try another one."
# Progress is written at most this often: each write is a commit, and cards wear.
PROGRESS_SECONDS = 0.4


class LeaseLost(KioskError):
    """The job is no longer this worker's: the photo was deleted, or the lease ran out and another has it."""

    def __init__(self) -> None:
        super().__init__("the lease on this job was lost; leave the photo as it is", "lease_lost")


class Jobs:
    """The jobs of a library; every method is one short transaction. Leases are seconds on the clock of this boot."""

    def __init__(self, database: Database, clock: Callable[[], float] = boot.now) -> None:
        self._database = database
        self._clock = clock
        self._progress_lock = threading.Lock()
        self._progress_written: tuple[int, str, float] = (0, "", float("-inf"))

    def lease(self, worker: str, seconds: float = 30) -> Job | None:
        """The oldest open job, now `worker`'s for `seconds`; None where there is nothing to do.

        A job whose lease ran out, or was given in an earlier boot, or to a worker that has ended or has this name, is
        open. The photo's folder for this lease is there, with the checkpoints of the lease before.
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
                    # Within the transaction: as soon as this lease counts, the one before has no folder.
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
        """Let the leases run out of workers that have ended, and of `asking`, which has nothing in hand."""
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
        """Keep the job for another `seconds`, counted from now. Raises LeaseLost."""
        with self._database.writing() as connection:
            _acknowledge(connection, self._database.clock())
            _hold(connection, job)
            connection.execute(
                "UPDATE jobs SET lease_boot = ?, lease_until = ? WHERE id = ?",
                (boot.identity(), self._clock() + seconds, job.id),
            )

    def progress(self, job: Job, state: State, fraction: float, eta_seconds: float | None = None) -> None:
        """Say how far the job is: `fraction` of the whole way, taken as 0 or 1 where it is less or more; `eta_seconds`
        until ready.

        Cheap enough to call at every iteration: within one state it writes a few times a second at most, and does not
        wait for the disk. What cannot be written now, because others write or the disk is full, is left out: no photo
        is interrupted for it. Raises LeaseLost when it writes.
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

    def add_image(self, job: Job, kind: ImageKind, name: str, width: int, height: int, tile: int | None = None) -> None:
        """Say that a picture is there, at `name` below the photo's folder (see files.py), after writing it.

        Adding the same name again replaces it. Raises LeaseLost.
        """
        self.add_images(job, [Image(kind, name, width, height, tile)])

    def add_images(self, job: Job, images: list[Image], put: Callable[[], None] | None = None) -> None:
        """Say that several pictures are there, all at once. `put` moves their files to their places, while nobody else
        can get the job. Raises LeaseLost; then nothing was put."""
        with self._database.writing() as connection:
            _hold(connection, job)
            if put is not None:
                put()
            connection.executemany(
                "INSERT OR REPLACE INTO images (photo_id, kind, name, width, height, tile, overlap) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (job.photo_id, image.kind, image.name, image.width, image.height, image.tile, image.overlap)
                    for image in images
                ],
            )
            connection.execute("UPDATE photos SET changed = ? WHERE id = ?", (self._database.clock(), job.photo_id))

    def say_stereo(self, job: Job, mode: str) -> None:
        """Say that the original turned out to hold two eyes; `mode` is "top-bottom". Raises LeaseLost."""
        with self._database.writing() as connection:
            _hold(connection, job)
            connection.execute(
                "UPDATE photos SET stereo = ?, changed = ? WHERE id = ?", (mode, self._database.clock(), job.photo_id)
            )

    def finish(self, job: Job, recipe: dict[str, Any] | None = None) -> None:
        """The photo is ready: all its pictures are written and added. `recipe`, if given, is kept as what was really
        done. The checkpoints are removed. Raises LeaseLost."""
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
        """The photo cannot be made ready; `sentence` tells the guest why. Raises LeaseLost."""
        with self._database.writing() as connection:
            _hold(connection, job)
            _fail(connection, job.id, job.photo_id, sentence, code, self._database.clock())
        shutil.rmtree(PhotoFiles(self._database.data, job.token).work, ignore_errors=True)

    def fail_leases_of(self, prefix: str, sentence: str, code: str) -> int:
        """Fail whatever is leased, in this boot, by workers whose names begin with `prefix`; how many photos."""
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
        """The names of the workers that have a job."""
        with self._database.reading() as connection:
            return {row[0] for row in connection.execute("SELECT worker FROM jobs WHERE state = 'leased'")}

    def release(self, job: Job) -> None:
        """Give the job back unfinished, as after a request to stop: it waits again and this lease does not count as
        an attempt. Raises LeaseLost."""
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
        return queue_of(connection, self._clock())


_PHOTO_COLUMNS = "token, style, width, height, gpano, born"


def _acknowledge(connection: sqlite3.Connection, now: float) -> None:
    # A photo is "received" until a living worker has seen it in the queue.
    connection.execute("UPDATE photos SET state = 'waiting', changed = ? WHERE state = 'received'", (now,))


def _hold(connection: sqlite3.Connection, job: Job) -> None:
    # A lease that ran out but was not given to anybody else is still this worker's.
    row = connection.execute("SELECT state, worker, fence FROM jobs WHERE id = ?", (job.id,)).fetchone()
    if row is None or tuple(row) != ("leased", job.worker, job.fence):
        raise LeaseLost


def _fail(connection: sqlite3.Connection, job: int, photo: int, sentence: str, code: str, now: float) -> None:
    connection.execute("UPDATE jobs SET state = 'failed', eta = NULL WHERE id = ?", (job,))
    connection.execute(
        "UPDATE photos SET state = 'failed', error = ?, error_code = ?, changed = ? WHERE id = ?",
        (sentence, code, now, photo),
    )
