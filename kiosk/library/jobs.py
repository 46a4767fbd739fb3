"""The queue: who works on which photo, how far it is, and when the others' turn will come.

A worker leases a job and renews the lease while it works. One that dies stops renewing, and the job is leased again: at
once where the worker is known to have ended (presence.py), or asks again under its own name. Each lease has a number,
the fence; whatever a worker writes or says counts only as long as its lease is the newest. A photo that was leased
PATIENCE times without getting further lets the others go first; after ATTEMPTS times it is taken to be what kills the
worker, and fails with a sentence. A photo that gets further each time may be interrupted as often as it takes.
"""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kiosk.errors import KioskError, Unavailable
from kiosk.library import boot, lifetime, presence
from kiosk.library.files import PhotoFiles, folder_size
from kiosk.library.records import WORKING, Image, ImageKind, Job, State

if TYPE_CHECKING:
    from kiosk.library.library import Library

log = logging.getLogger(__name__)

ATTEMPTS = 8
PATIENCE = 3
FURTHER = 0.02
"""Progress, of the whole way, that counts as having got further."""
GIVEN_UP = "This photo stopped the kiosk several times, so it will not be tried again. Please try another one."
# Progress is written at most this often: each write is a commit, and cards wear.
PROGRESS_SECONDS = 0.4
MEASURED_JOBS = 20


class LeaseLost(KioskError):
    """The job is no longer this worker's: the photo was deleted, or the lease ran out and another has it."""

    def __init__(self) -> None:
        super().__init__("the lease on this job was lost; leave the photo as it is", "lease_lost")


@dataclass(frozen=True)
class Queue:
    """The order of the open jobs, with what is known of their length; all times seconds.

    working: job -> its own estimate of what it still takes, None unknown; waiting: jobs in turn; typical: what a job
    takes from lease to ready, None before anything is known of it.
    """

    working: dict[int, float | None]
    waiting: tuple[int, ...]
    typical: float | None

    def place(self, job: int) -> tuple[int, float | None]:
        """(position, eta): 0 = being worked on, 1 = next; eta None where nothing was measured yet."""
        if job in self.working:
            return 0, self.working[job] if self.working[job] is not None else self.typical
        position = self.waiting.index(job) + 1
        if self.typical is None:
            return position, None
        # One worker after another: what is being worked on, then everybody before, then this one.
        running = [self.typical if left is None else left for left in self.working.values()]
        return position, (min(running) if running else 0.0) + position * self.typical


class Jobs:
    """The jobs of a library; every method is one short transaction. Leases are seconds on the clock of this boot."""

    def __init__(self, library: Library, clock: Callable[[], float] = boot.now) -> None:
        self._library = library
        self._clock = clock
        self._progress_lock = threading.Lock()
        self._progress_written: tuple[int, str, float] = (0, "", float("-inf"))

    def lease(self, worker: str, seconds: float = 30) -> Job | None:
        """The oldest open job, now `worker`'s for `seconds`; None where there is nothing to do.

        A job whose lease ran out, or was given in an earlier boot, or to a worker that has ended or has this name, is
        open. The photo's folder for this lease is there, with the checkpoints of the lease before.
        """
        while True:
            with self._library.writing() as connection:
                _acknowledge(connection, self._library.clock())
                self._end_leases_of_the_dead(connection, worker)
                row = connection.execute(
                    f"""SELECT jobs.id AS id, photo_id, recipe, fence, attempts, tries, {_PHOTO_COLUMNS}
                        FROM jobs JOIN photos ON photos.id = photo_id
                        WHERE {_OPEN} ORDER BY {_TURN} LIMIT 1""",  # noqa: S608 (all of it is ours)
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
                        (self._library.clock(), row["photo_id"]),
                    )
                    # Within the transaction: as soon as this lease counts, the one before has no folder.
                    PhotoFiles(self._library.data, row["token"]).take_over(row["fence"] + 1)
                    return Job(
                        id=row["id"],
                        photo_id=row["photo_id"],
                        token=row["token"],
                        style=row["style"],
                        recipe=json.loads(row["recipe"]),
                        fence=row["fence"] + 1,
                        attempts=row["attempts"] + 1,
                        tries=row["tries"] + 1,
                        worker=worker,
                        width=row["width"],
                        height=row["height"],
                        gpano=json.loads(row["gpano"]) if row["gpano"] else None,
                        waited=max(0.0, lifetime.lived(connection, self._library.clocks) - row["born"]),
                    )
                _fail(connection, row["id"], row["photo_id"], GIVEN_UP, "gave_up", self._library.clock())

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
            if name == asking or presence.has_ended(self._library.data, name):
                connection.execute("UPDATE jobs SET lease_until = -1 WHERE state = 'leased' AND worker = ?", (name,))

    def renew(self, job: Job, seconds: float = 30) -> None:
        """Keep the job for another `seconds`, counted from now. Raises LeaseLost."""
        with self._library.writing() as connection:
            _acknowledge(connection, self._library.clock())
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
                with self._library.writing(durable=False) as connection:
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
                        (state, self._library.clock(), job.photo_id),
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
        with self._library.writing() as connection:
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
            connection.execute("UPDATE photos SET changed = ? WHERE id = ?", (self._library.clock(), job.photo_id))

    def say_stereo(self, job: Job, mode: str) -> None:
        """Say that the original turned out to hold two eyes; `mode` is "top-bottom". Raises LeaseLost."""
        with self._library.writing() as connection:
            _hold(connection, job)
            connection.execute(
                "UPDATE photos SET stereo = ?, changed = ? WHERE id = ?", (mode, self._library.clock(), job.photo_id)
            )

    def finish(self, job: Job, recipe: dict[str, Any] | None = None) -> None:
        """The photo is ready: all its pictures are written and added. `recipe`, if given, is kept as what was really
        done. The checkpoints are removed. Raises LeaseLost."""
        files = PhotoFiles(self._library.data, job.token)
        size = files.size() - folder_size(files.work)
        with self._library.writing() as connection:
            _hold(connection, job)
            connection.execute(
                "UPDATE jobs SET state = 'finished', progress = 1, seconds = ? - started, eta = NULL, "
                "recipe = coalesce(?, recipe) WHERE id = ?",
                (self._clock(), None if recipe is None else json.dumps(recipe), job.id),
            )
            connection.execute(
                "UPDATE photos SET state = 'ready', bytes = ?, changed = ? WHERE id = ?",
                (size, self._library.clock(), job.photo_id),
            )
        shutil.rmtree(files.work, ignore_errors=True)

    def fail(self, job: Job, sentence: str, code: str = "failed") -> None:
        """The photo cannot be made ready; `sentence` tells the guest why. Raises LeaseLost."""
        with self._library.writing() as connection:
            _hold(connection, job)
            _fail(connection, job.id, job.photo_id, sentence, code, self._library.clock())
        shutil.rmtree(PhotoFiles(self._library.data, job.token).work, ignore_errors=True)

    def fail_leases_of(self, prefix: str, sentence: str, code: str) -> int:
        """Fail whatever is leased, in this boot, by workers whose names begin with `prefix`; how many photos."""
        with self._library.writing() as connection:
            rows = connection.execute(
                """SELECT jobs.id AS id, photo_id, token FROM jobs JOIN photos ON photos.id = photo_id
                   WHERE jobs.state = 'leased' AND lease_boot = ? AND substr(worker, 1, ?) = ?""",
                (boot.identity(), len(prefix), prefix),
            ).fetchall()
            for row in rows:
                _fail(connection, row["id"], row["photo_id"], sentence, code, self._library.clock())
        for row in rows:
            shutil.rmtree(PhotoFiles(self._library.data, row["token"]).work, ignore_errors=True)
        return len(rows)

    def workers(self) -> set[str]:
        """The names of the workers that have a job."""
        with self._library.reading() as connection:
            return {row[0] for row in connection.execute("SELECT worker FROM jobs WHERE state = 'leased'")}

    def release(self, job: Job) -> None:
        """Give the job back unfinished, as after a request to stop: it waits again and this lease does not count as
        an attempt. Raises LeaseLost."""
        with self._library.writing() as connection:
            _hold(connection, job)
            connection.execute(
                "UPDATE jobs SET state = 'waiting', worker = NULL, attempts = attempts - 1, tries = max(tries - 1, 0) "
                "WHERE id = ?",
                (job.id,),
            )
            connection.execute(
                "UPDATE photos SET state = 'waiting', changed = ? WHERE id = ?", (self._library.clock(), job.photo_id)
            )

    def queue(self, connection: sqlite3.Connection) -> Queue:
        """The open jobs as `connection` sees them."""
        working: dict[int, float | None] = {}
        waiting: list[int] = []
        whole: list[float] = []
        moment = self._clock()
        for row in connection.execute(
            f"""SELECT id, state, tries, {_OPEN} AS open, eta, eta_at, started, lease_boot FROM jobs
                WHERE state IN ('waiting', 'leased') ORDER BY {_TURN}""",  # noqa: S608 (all of it is ours)
            (boot.identity(), moment),
        ):
            # What was interrupted goes on at once, so it counts as under way, unless it has to let others go first.
            if row["state"] == "waiting" or (row["open"] and row["tries"] >= PATIENCE):
                waiting.append(row["id"])
            else:
                left = None if row["eta"] is None else max(0.0, row["eta"] - max(0.0, moment - row["eta_at"]))
                working[row["id"]] = left
                if left is not None and row["lease_boot"] == boot.identity():
                    whole.append(max(0.0, moment - row["started"]) + left)
        measured = connection.execute(
            "SELECT seconds FROM jobs WHERE state = 'finished' AND seconds > 0 ORDER BY id DESC LIMIT ?",
            (MEASURED_JOBS,),
        ).fetchall()
        # Before the first photo was ready, what those under way expect to take is the best guess for the others.
        lengths = [row[0] for row in measured] or whole
        typical = statistics.median(lengths) if lengths else None
        return Queue(working, tuple(waiting), typical)


_PHOTO_COLUMNS = "token, style, width, height, gpano, born"
# One for leasing and for telling guests their place: jobs that nobody works on (with this boot and moment), and whose
# turn is before whose. What was interrupted goes on first, unless it was so too often.
_OPEN = "(jobs.state = 'waiting' OR (jobs.state = 'leased' AND (lease_boot <> ? OR lease_until < ?)))"
_TURN = f"tries >= {PATIENCE}, jobs.state = 'waiting', turn, jobs.id"


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
