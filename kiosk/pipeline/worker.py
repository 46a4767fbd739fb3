"""The worker: takes one photo after another from the library and makes it ready.

It may be killed at any instant. What it was doing is then leased again, goes on from the checkpoint with the recipe
that was frozen at the first lease, and gives the same result.
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
from kiosk.library.records import GONE, Job
from kiosk.library.upkeep.overuse import CODE, TOO_LARGE, fail_overused
from kiosk.nets.dreaming.dream import Cancelled
from kiosk.nets.engine import fallbacks
from kiosk.pipeline.make_photo import Means, make_photo
from kiosk.pipeline.previews import prune
from kiosk.pipeline.reporter import LEASE_SECONDS, NAME, JobReporter, Stopped
from kiosk.planning.machine import Machine
from kiosk.planning.plan import Plan, time_left
from kiosk.planning.wanted import wanted_recipe
from kiosk.recipes.photo import PhotoRecipe
from kiosk.settings import Settings
from kiosk.storage import DataFolder, write_atomic

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
"""Between looks for a new photo while idle."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 15.0
"""Seconds to wait after temporary faults."""
FAULTS = 3
"""Temporary faults in a row after which a photo is tried once more; after another it fails."""

CANNOT_DREAM = "This photo could not be dreamed. Please try another one."
UNKNOWN_STYLE = "The style chosen for this photo is not offered any more. Please choose another one."
NO_ROOM = "The kiosk's storage is full, so the dream could not be kept. Please tell the staff."
NOT_NOW = "The kiosk could not dream this photo just now. Please try again, or tell the staff."


_TEMPORARY = (OSError, sqlite3.OperationalError, Unavailable)
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass
class _Faults:
    """The temporary faults of one photo in a row."""

    count: int = 0
    wait: Backoff = field(default_factory=lambda: Backoff(FIRST_WAIT, LONGEST_WAIT, factor=4))


class Worker:
    """One worker on one library."""

    def __init__(self, library: Library, settings: Settings) -> None:
        self.library = library
        self.settings = settings
        self.machine = Machine(library.data.graphs, library.data.speeds)
        self.name = presence.new_name()
        self._stop = threading.Event()
        self._faults: dict[int, _Faults] = {}
        self._queue_wait = Backoff(FIRST_WAIT, LONGEST_WAIT, factor=4)

    def stop(self) -> None:
        """End after the tile under way; the photo goes on where it was when a worker starts again."""
        self._stop.set()

    def run(self, once: bool = False) -> int:
        """Work until `stop()`; with `once`, until nothing is left to do. Returns how many photos came to an end."""
        with presence.present(self.library.data, self.name):
            return self._run(once)

    def _run(self, once: bool) -> int:
        heartbeat.beat(self.library.data, NAME)
        self._look_back()
        self.machine.measure(wanted_recipe(self.settings.dream))
        watch = Watch(self.library)
        ended = 0
        looked = float("-inf")
        try:
            while not self._stop.is_set():
                heartbeat.beat(self.library.data, NAME)
                # A look at the queue every few seconds even without a commit: leases run out silently.
                if watch.changed() or time.monotonic() - looked > 5 or once:
                    looked = time.monotonic()
                    if (ready := self._next()) is not None:
                        ended += ready
                        looked = float("-inf")
                        self._tidy()
                        continue
                    if once:
                        break
                self._stop.wait(LOOK_SECONDS)
        finally:
            watch.close()
        return ended

    def _next(self) -> bool | None:
        """Handle the next photo, as `handle` says; None where there is none."""
        try:
            job = self.library.jobs.lease(self.name, LEASE_SECONDS)
            ended = None if job is None else self.handle(job)
        except _TEMPORARY as error:
            # Not even the queue can be written: a full disk, as a rule. /healthz says so.
            wait = self._queue_wait.next()
            log.warning("%s; looking again in %.0f s", error, wait)
            self._stop.wait(wait)
            return False
        self._queue_wait.reset()
        return ended

    def _look_back(self) -> None:
        """Fail what workers before this one were killed over, and forget those that left nothing behind."""
        try:
            if failed := fail_overused(self.library):
                log.error("%d photos failed: the worker was killed for the memory it took over them", failed)
            presence.forget_ended(self.library.data, self.library.jobs.workers())
        except _TEMPORARY as error:
            log.warning("what an earlier worker left cannot be seen to: %s", error)

    def _tidy(self) -> None:
        """What can wait until a photo has come to its end, and is no matter of that photo if it fails."""
        for subject, sentence in fallbacks.take().items():
            notices.say(self.library.data, subject, sentence)
        try:
            prune(self.library)
        except _TEMPORARY as error:
            log.warning("old previews cannot be removed: %s", error)

    def handle(self, job: Job) -> bool:
        """Bring one leased job to an end: ready, failed, or gone. False where it is to be tried again."""
        files = self.library.files(job.token).under(job.fence)
        try:
            try:
                self._make(job, files)
            except Stopped:
                raise
            except Exception:
                # A photo deleted under our feet shows as any error: ask for the lease before believing another.
                self.library.jobs.renew(job, LEASE_SECONDS)
                raise
            self._faults.pop(job.id, None)
            return True
        except Stopped:
            self.library.jobs.release(job)
            log.info("stopped in the middle of photo %s; it goes on at the next start", job.id)
            return False
        except (LeaseLost, Cancelled):
            self._leave(job)
            return True
        except BadInput as error:
            log.warning("photo %s cannot be made: %s", job.id, error)
            known = {"unknown_style": UNKNOWN_STYLE, "cannot_open": str(error)}
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
        make_photo(files.original.read_bytes(), files.work, plan.recipe, reporter, means)
        self.library.jobs.finish(job, {**reporter.record, "attempts": job.leases})
        self.machine.save()
        log.info("photo %s is ready after %.1f s (planned %.1f s)", job.id, time.monotonic() - started, plan.seconds)

    def _plan(self, job: Job, files: PhotoFiles) -> Plan:
        """What was planned at the first lease; at that, a plan."""
        # Whether a square holds two eyes is seen only when the work begins; until then it may.
        eyes = 2 if job.width == job.height else 1
        frozen = files.work / "recipe.json"
        if frozen.is_file():
            try:
                recipe = PhotoRecipe.from_json(frozen.read_text(encoding="utf-8", errors="replace"))
                return self.machine.expect(recipe, eyes)
            except BadInput as error:
                # Another version of this project froze it, or the disk lost it; the photo is begun anew.
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
        """The photo is not ours any more. If it was deleted, what was written after that goes too; if another worker
        has it, everything is that one's."""
        if self.library.photo(job.token).state in GONE:
            self.library.files(job.token).remove()
            log.info("photo %s was deleted while it was being made", job.id)
        else:
            log.warning("the lease on photo %s was lost", job.id)

    def _try_again(self, job: Job, error: Exception) -> bool:
        """Wait a little and leave the job leased: the next lease under this name gets it back. After the last wait the
        photo fails."""
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
    """Work on the photos in `data` until SIGTERM or SIGINT; with `once`, until none is left to do.

    `settings`: None reads the data folder's. Returns how many photos came to an end. Raises Unavailable where the
    library cannot be opened.
    """
    with Library(data) as library:
        worker = Worker(library, settings or settings_file.load(data.settings))
        if handle_signals and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: worker.stop())
        log.info("worker %s is waiting for photos", os.getpid())
        return worker.run(once)
