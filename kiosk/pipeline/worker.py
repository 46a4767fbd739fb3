"""The worker: takes one photo after another from the library and makes it ready.

It may be killed at any instant. What it was doing is then leased again, goes on from the checkpoint with the recipe
that was frozen at the first lease, and gives the same result.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable

import numpy as np

from kiosk import settings as settings_file
from kiosk.errors import BadInput, KioskError, Unavailable
from kiosk.library import heartbeat
from kiosk.library.files import PhotoFiles
from kiosk.library.jobs import LeaseLost
from kiosk.library.library import Library
from kiosk.library.records import GONE, Image, Job
from kiosk.library.watch import Watch
from kiosk.nets.dream import Cancelled
from kiosk.pipeline import graphs
from kiosk.pipeline.measure import measure_if_unknown
from kiosk.pipeline.plan import PhotoRecipe, Plan, make_plan, predict, time_left, wanted_recipe, within_memory
from kiosk.pipeline.previews import Previews, prune
from kiosk.pipeline.speed import SpeedBook
from kiosk.pipeline.stages import STAGES, Stage, Work
from kiosk.settings import Settings
from kiosk.storage import DataFolder, write_atomic

log = logging.getLogger(__name__)

NAME = "worker"
LEASE_SECONDS = 60.0
RENEW_SECONDS = 15.0
LOOK_SECONDS = 0.2
"""Between looks for a new photo while idle."""
CHECK_SECONDS = 0.5
"""Between looks whether the photo under way was deleted."""
BACKOFF_SECONDS = (1.0, 4.0, 15.0)
"""Waits after temporary faults in a row; after the last the photo fails."""

CANNOT_DREAM = "This photo could not be dreamed. Please try another one."
UNKNOWN_STYLE = "The style chosen for this photo is not offered any more. Please choose another one."
NO_ROOM = "The kiosk's storage is full, so the dream could not be kept. Please tell the staff."
NOT_NOW = "The kiosk could not dream this photo just now. Please try again, or tell the staff."


class Stopped(KioskError):
    """The worker was asked to stop."""

    def __init__(self) -> None:
        super().__init__("stopped", "stopped")


_TEMPORARY = (OSError, MemoryError, sqlite3.OperationalError, Unavailable)


class JobReporter:
    """Tells the library how one job is getting on, and notices when it is to end."""

    def __init__(self, library: Library, job: Job, plan: Plan, book: SpeedBook, stopping: Callable[[], bool]) -> None:
        self._library = library
        self._job = job
        self._plan = plan
        self._book = book
        self._stopping = stopping
        self._previews = Previews(library.files(job.token), self._announce, plan.dream_seconds)
        self._stage: Stage = STAGES[0]
        self._stage_started = time.monotonic()
        self._checked = self._renewed = time.monotonic()

    def enter(self, stage: Stage) -> None:
        self._stage, self._stage_started = stage, time.monotonic()
        self.progress(0.0)

    def progress(self, fraction: float, eta_seconds: float | None = None) -> None:
        expected = [stage.seconds(self._plan) for stage in STAGES]
        index = STAGES.index(self._stage)
        if eta_seconds is None:
            spent = time.monotonic() - self._stage_started
            # A stage's own pace is believed once it has shown some of it.
            eta_seconds = spent / fraction * (1 - fraction) if fraction > 0.1 else expected[index] * (1 - fraction)
        whole = sum(expected) or 1.0
        so_far = (sum(expected[:index]) + expected[index] * fraction) / whole
        self._alive()
        self._library.jobs.progress(
            self._job, self._stage.state, min(so_far, 0.999), eta_seconds + sum(expected[index + 1 :])
        )

    def preview_due(self) -> bool:
        return self._previews.due()

    def preview(self, picture: np.ndarray) -> None:
        self._previews.show(picture)

    def images(self, images: list[Image]) -> None:
        self._library.jobs.add_images(self._job, images)
        self._alive()

    def stereo(self, mode: str) -> None:
        self._library.jobs.say_stereo(self._job, mode)

    def cancelled(self) -> bool:
        if self._stopping():
            raise Stopped
        now = time.monotonic()
        if now - self._checked >= CHECK_SECONDS:
            self._checked = now
            if self._library.photo(self._job.token).state in GONE:
                raise LeaseLost
            self._alive()
        return False

    def measured(self, kind: str, label: str, megapixels: float, seconds: float) -> None:
        self._book.note(kind, label, megapixels, seconds)

    def _announce(self, image: Image) -> None:
        self._library.jobs.add_image(self._job, image.kind, image.name, image.width, image.height)

    def _alive(self) -> None:
        heartbeat.beat(self._library.data, NAME)
        if time.monotonic() - self._renewed >= RENEW_SECONDS:
            self._renewed = time.monotonic()
            self._library.jobs.renew(self._job, LEASE_SECONDS)


class Worker:
    """One worker on one library."""

    def __init__(self, library: Library, settings: Settings) -> None:
        self.library = library
        self.settings = settings
        self.book = SpeedBook(library.data.speeds)
        self._stop = threading.Event()
        self._faults = 0

    def stop(self) -> None:
        """End after the tile under way; the photo goes on where it was when a worker starts again."""
        self._stop.set()

    def run(self, once: bool = False) -> int:
        """Work until `stop()`; with `once`, until nothing is left to do. Returns how many photos came to an end."""
        heartbeat.beat(self.library.data, NAME)
        self._measure()
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
            job = self.library.jobs.lease(NAME, LEASE_SECONDS)
            return None if job is None else self.handle(job)
        except _TEMPORARY as error:
            # Not even the queue can be written: a full disk, as a rule. /healthz says so.
            log.warning("%s; looking again in %.0f s", error, BACKOFF_SECONDS[-1])
            self._stop.wait(BACKOFF_SECONDS[-1])
            return False

    def _measure(self) -> None:
        try:
            wanted = graphs.frozen(self.library.data.graphs, wanted_recipe(self.settings.dream))
            measure_if_unknown(self.library.data.graphs, wanted, self.book)
        except KioskError as error:
            # Photos will fail with their own sentence; the guess serves until a graph can be built.
            log.error("this machine's speed cannot be measured: %s", error)

    def handle(self, job: Job) -> bool:
        """Bring one leased job to an end: ready, failed, or gone. False where it is to be tried again."""
        files = self.library.files(job.token)
        try:
            try:
                self._make(job, files)
            except Stopped:
                raise
            except Exception:
                # A photo deleted under our feet shows as any error: ask for the lease before believing another.
                self.library.jobs.renew(job, LEASE_SECONDS)
                raise
            self._faults = 0
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
            return self._fail(job, known.get(error.code, CANNOT_DREAM), error.code)
        except _TEMPORARY as error:
            return self._try_again(job, error)
        except Exception:
            log.exception("photo %s cannot be made", job.id)
            return self._fail(job, CANNOT_DREAM, "failed")

    def _make(self, job: Job, files: PhotoFiles) -> None:
        started = time.monotonic()
        files.work.mkdir(exist_ok=True)
        plan = self._plan(job, files)
        reporter = JobReporter(self.library, job, plan, self.book, self._stop.is_set)
        style = job.style or self.settings.dream.style
        work = Work(
            files,
            plan,
            style,
            self.library.data.graphs,
            reporter,
            self.settings.dream.threads,
            self.settings.dream.memory,
        )
        for stage in STAGES:
            reporter.enter(stage)
            begun = time.monotonic()
            stage.run(work)
            if stage.state == "publishing" and work.sphere is not None:
                megapixels = work.sphere.shape[0] * work.sphere.shape[1] / 1e6
                reporter.measured("publish", "", megapixels, time.monotonic() - begun)
        self.library.jobs.finish(job, {**work.done, "attempts": job.attempts})
        self.book.save()
        prune(self.library)
        log.info("photo %s is ready after %.1f s (planned %.1f s)", job.id, time.monotonic() - started, plan.seconds)

    def _plan(self, job: Job, files: PhotoFiles) -> Plan:
        photo = self.library.photo(job.token)
        # Whether a square holds two eyes is seen only when the work begins; until then it may.
        eyes = 2 if photo.width == photo.height else 1
        kept = files.work / "recipe.json"
        if kept.is_file():
            try:
                recipe = PhotoRecipe.from_json(kept.read_text(encoding="utf-8", errors="replace"))
                return predict(recipe, self.book.speeds(*_labels(recipe)), eyes)
            except BadInput as error:
                # Another version of this project froze it, or the disk lost it; the photo is begun anew.
                log.warning("photo %s: %s; planning it again", job.id, error)
                shutil.rmtree(files.work)
                files.work.mkdir()
        wanted = graphs.frozen(self.library.data.graphs, wanted_recipe(self.settings.dream, job.style, job.recipe))
        wanted = within_memory(wanted, self.settings.dream.memory)
        waited = max(0.0, self.library.clock() - job.created)
        left = time_left(self.settings.dream.deadline, waited)
        plan = make_plan(wanted, self.book.speeds(*_labels(wanted)), left, self.settings.dream.memory, eyes)
        write_atomic(kept, plan.recipe.to_json())
        return plan

    def _fail(self, job: Job, sentence: str, code: str) -> bool:
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
        if self._faults >= len(BACKOFF_SECONDS):
            self._faults = 0
            log.error("photo %s cannot be made: %s", job.id, error)
            full = isinstance(error, Unavailable) and error.status == 507
            return self._fail(job, NO_ROOM if full else NOT_NOW, getattr(error, "code", "temporary"))
        wait = BACKOFF_SECONDS[self._faults]
        self._faults += 1
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


def _labels(recipe: PhotoRecipe) -> tuple[str, str]:
    """The names that speeds are kept under."""
    return graphs.dream_label(recipe.dream), graphs.upscale_label(recipe.upscale)
