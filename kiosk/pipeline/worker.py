"""The worker: leases photos from the library one at a time and makes them.

It may be killed at any instant. The next lease of the photo then resumes from the checkpoint with the recipe that the
first lease froze, and the result is the same.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import sqlite3
import threading
import time
from dataclasses import dataclass, field

from kiosk import settings as settings_file
from kiosk.backoff import Backoff
from kiosk.errors import BadInput, Unavailable
from kiosk.library import heartbeat, notices, presence
from kiosk.library.database import Watch
from kiosk.library.files import PhotoFiles
from kiosk.library.jobs import LeaseLost
from kiosk.library.library import Library
from kiosk.library.looking.verdict import PHOTO
from kiosk.library.records import GONE, Job
from kiosk.library.upkeep.overuse import CODE, TOO_LARGE, fail_overused
from kiosk.names import WORKER
from kiosk.nets.dreaming.dream import Cancelled
from kiosk.nets.engine import fallbacks
from kiosk.pipeline.make_photo import Means, make_photo
from kiosk.pipeline.moderation.moderator import Moderator
from kiosk.pipeline.previews import prune
from kiosk.pipeline.reporter import LEASE_SECONDS, JobReporter, Stopped
from kiosk.planning.machine import Machine
from kiosk.planning.plan import Plan, time_left
from kiosk.planning.wanted import wanted_recipe
from kiosk.recipes.photo import PhotoRecipe
from kiosk.settings import Settings
from kiosk.storage import DataFolder, write_atomic

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
"""Interval of the check for a new photo while idle."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 15.0
"""Backoff after temporary faults, seconds."""
FAULTS = 3
"""Retries after temporary faults in a row. One more fault fails the photo."""

CANNOT_DREAM = "This photo could not be dreamed. Please try another one."
UNKNOWN_STYLE = "The style chosen for this photo is not offered any more. Please choose another one."
NO_ROOM = "The kiosk's storage is full, so the dream could not be kept. Please tell the staff."
NOT_NOW = "The kiosk could not dream this photo just now. Please try again, or tell the staff."


_TEMPORARY = (OSError, sqlite3.OperationalError, Unavailable)
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass
class _Faults:
    """One photo's consecutive temporary faults."""

    count: int = 0
    wait: Backoff = field(default_factory=lambda: Backoff(FIRST_WAIT, LONGEST_WAIT, factor=4))


class Worker:
    """A worker for one library. `run` works until `stop` is called."""

    def __init__(self, library: Library, settings: Settings) -> None:
        self.library = library
        self.settings = settings
        self.machine = Machine(library.data.graphs, library.data.speeds)
        self.moderator = Moderator(library, settings.people, settings.dream.threads)
        self.name = presence.new_name()
        self._stop = threading.Event()
        self._faults: dict[int, _Faults] = {}
        self._queue_wait = Backoff(FIRST_WAIT, LONGEST_WAIT, factor=4)

    def stop(self) -> None:
        """Stop after the current tile. The next worker resumes the photo there."""
        self._stop.set()

    def run(self, once: bool = False) -> int:
        """Work until `stop()`, or with `once` until the queue is empty. Returns how many photos were completed, failed
        or given up."""
        with presence.present(self.library.data, self.name):
            return self._run(once)

    def _run(self, once: bool) -> int:
        heartbeat.beat(self.library.data, WORKER)
        self._look_back()
        limits = self.settings.dream
        self.machine.measure(wanted_recipe(limits), limits.memory, limits.threads)
        watch = Watch(self.library)
        ended = 0
        looked = float("-inf")
        try:
            while not self._stop.is_set():
                heartbeat.beat(self.library.data, WORKER)
                # Check every few seconds even without a commit: an expiring lease does not cause one.
                if watch.changed() or time.monotonic() - looked > 5 or once:
                    looked = time.monotonic()
                    if (ready := self._next()) is not None:
                        ended += ready
                        looked = float("-inf")
                        self._tidy()
                        continue
                    if self._look_at_next():
                        looked = float("-inf")
                        continue
                    if once:
                        break
                    self.machine.measure_waiting(limits.memory, limits.threads)
                self._stop.wait(LOOK_SECONDS)
        finally:
            watch.close()
        return ended

    def _next(self) -> bool | None:
        """Handle the next photo and return what `handle` returns; None if the queue is empty."""
        try:
            job = self.library.jobs.lease(self.name, LEASE_SECONDS)
            ended = None if job is None else self.handle(job)
        except _TEMPORARY as error:
            # The queue itself cannot be written, usually because the disk is full. /healthz reports that.
            wait = self._queue_wait.next()
            log.warning("%s; checking the queue again in %.0f s", error, wait)
            self._stop.wait(wait)
            return False
        self._queue_wait.reset()
        return ended

    def _look_back(self) -> None:
        """Fail photos that earlier workers were killed over for memory, and forget workers that hold no lease."""
        try:
            if failed := fail_overused(self.library):
                log.error("%d photos failed: the system killed the worker because they took too much memory", failed)
            presence.forget_ended(self.library.data, self.library.jobs.workers())
            self.moderator.begin()
        except _TEMPORARY as error:
            log.warning("cannot clean up after an earlier worker: %s", error)

    def _tidy(self) -> None:
        """Housekeeping between photos: publish fallback notices and prune previews. Errors do not affect a photo."""
        for subject, sentence in fallbacks.take().items():
            notices.say(self.library.data, subject, sentence)
        try:
            prune(self.library)
        except _TEMPORARY as error:
            log.warning("cannot remove old previews: %s", error)
        self._look_at_next()

    def _look_at_next(self) -> bool:
        """Look at a ready photo that nobody has looked at; return whether there was one. Errors affect no photo."""
        try:
            return self.moderator.look_at_next()
        except _TEMPORARY as error:
            log.warning("cannot look at what others are to see: %s", error)
            return False

    def handle(self, job: Job) -> bool:
        """Work on a leased job. Returns True if that ended it (ready, failed or gone), False if it is to be retried."""
        files = self.library.files(job.token).under(job.fence)
        try:
            try:
                self._make(job, files)
            except Stopped:
                raise
            except Exception:
                # Deleting the photo can cause any error here. Renewing the lease raises LeaseLost if that happened.
                self.library.jobs.renew(job, LEASE_SECONDS)
                raise
            self._faults.pop(job.id, None)
            return True
        except Stopped:
            self.library.jobs.release(job)
            log.info("stopped while making photo %s; the next start resumes it", job.id)
            return False
        except (LeaseLost, Cancelled):
            self._leave(job)
            return True
        except BadInput as error:
            log.warning("photo %s cannot be made: %s", job.id, error)
            known = {"unknown_style": UNKNOWN_STYLE, "cannot_open": str(error), "two_fisheyes": str(error)}
            code = error.code if error.code in known else "cannot_dream"
            return self._fail(job, known.get(code, CANNOT_DREAM), code)
        except _TEMPORARY as error:
            return self._try_again(job, error)
        except MemoryError:
            log.exception("photo %s takes too much memory", job.id)
            return self._fail(job, TOO_LARGE, CODE)
        except Exception:
            log.exception("photo %s cannot be made", job.id)
            return self._fail(job, CANNOT_DREAM, "cannot_dream")

    def _make(self, job: Job, files: PhotoFiles) -> None:
        started = time.monotonic()
        plan = self._plan(job, files)
        settings = self.settings.dream
        reporter = JobReporter(self.library, job, plan, self.machine, self._stop.is_set)
        means = Means(self.machine.graphs, settings.threads, settings.memory, job.style or settings.style)
        # Before anything of it is ready: others see it only then.
        self.moderator.look(job.token, PHOTO)
        make_photo(files.original.read_bytes(), files.work, plan.recipe, reporter, means)
        self.moderator.look(job.token)
        self.library.jobs.finish(job, {**reporter.record, "attempts": job.leases})
        self.machine.save()
        log.info("photo %s is ready after %.1f s (planned %.1f s)", job.id, time.monotonic() - started, plan.seconds)

    def _plan(self, job: Job, files: PhotoFiles) -> Plan:
        """The plan frozen at the first lease, or a new one if there is none."""
        # A square photo may be stereo. That is known only after decoding, so plan for two eyes.
        eyes = 2 if job.width == job.height else 1
        frozen = files.work / "recipe.json"
        if frozen.is_file():
            try:
                recipe = PhotoRecipe.from_json(frozen.read_text(encoding="utf-8", errors="replace"))
                return self.machine.expect(recipe, eyes)
            except BadInput as error:
                # Another version froze it, or the file is damaged. Start the photo over.
                log.warning("photo %s: %s; planning it again", job.id, error)
                for path in files.work.iterdir():
                    if path != files.folder:
                        path.unlink()
        settings = self.settings.dream
        wish = wanted_recipe(settings, job.style, job.recipe)
        plan = self.machine.settle(wish, time_left(settings.deadline, job.waited), eyes, settings.memory)
        write_atomic(frozen, plan.recipe.to_json())
        return plan

    def _fail(self, job: Job, sentence: str, code: str) -> bool:
        self._faults.pop(job.id, None)
        try:
            self.library.jobs.fail(job, sentence, code)
        except LeaseLost:
            self._leave(job)
        return True

    def _leave(self, job: Job) -> None:
        """Let go of a photo this worker no longer owns. If it was deleted, remove files written since; if another
        worker has it, leave everything alone."""
        if self.library.photo(job.token).state in GONE:
            self.library.files(job.token).remove()
            log.info("photo %s was deleted while it was being made", job.id)
        else:
            log.warning("the lease on photo %s was lost", job.id)

    def _try_again(self, job: Job, error: Exception) -> bool:
        """Back off and keep the lease, so that this worker gets the job again. After FAULTS retries, fail the photo."""
        faults = self._faults.setdefault(job.id, _Faults())
        if faults.count >= FAULTS:
            log.error("photo %s cannot be made: %s", job.id, error)
            full = getattr(error, "status", None) == 507 or getattr(error, "errno", None) in _FULL
            return self._fail(job, *((NO_ROOM, "no_room") if full else (NOT_NOW, "not_now")))
        faults.count += 1
        wait = faults.wait.next()
        log.warning("photo %s: %s; trying again in %.0f s", job.id, error, wait)
        self._stop.wait(wait)
        return False


def run_worker(
    data: DataFolder, once: bool = False, *, settings: Settings | None = None, handle_signals: bool = True
) -> int:
    """Run a worker on the photos in `data` until SIGTERM or SIGINT, or with `once` until the queue is empty.

    `settings`: None reads the data folder's settings. Returns how many photos were completed, failed or given up.
    Raises Unavailable if the library cannot be opened.
    """
    with Library(data) as library:
        worker = Worker(library, settings or settings_file.load(data.settings))
        if handle_signals and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: worker.stop())
        log.info("worker %s is waiting for photos", os.getpid())
        return worker.run(once)
