"""The queue: the order of the open jobs, and estimates of when each will be ready."""

from __future__ import annotations

import sqlite3
import statistics
from dataclasses import dataclass

from kiosk.library import boot

PATIENCE = 3
"""Leases without progress after which a photo yields to the others."""
MEASURED_JOBS = 20

# Shared by leasing and by the positions shown to guests. OPEN selects jobs that nobody works on; its parameters are
# this boot and the current time. TURN orders them: interrupted jobs resume first, unless interrupted too often.
OPEN = "(jobs.state = 'waiting' OR (jobs.state = 'leased' AND (lease_boot <> ? OR lease_until < ?)))"
TURN = f"tries >= {PATIENCE}, jobs.state = 'waiting', turn, jobs.id"


@dataclass(frozen=True)
class Queue:
    """The unfinished jobs in order, with estimates. All times are in seconds.

    working: job ID -> its own estimate of the time left, None if unknown. waiting: job IDs in order. typical: time from
    lease to ready, None until something was measured.
    """

    working: dict[int, float | None]
    waiting: tuple[int, ...]
    typical: float | None

    def place(self, job: int) -> tuple[int, float | None]:
        """(position, eta) of a job: position 0 = in progress, 1 = next; eta None until something was measured."""
        if job in self.working:
            return 0, self.working[job] if self.working[job] is not None else self.typical
        position = self.waiting.index(job) + 1
        if self.typical is None:
            return position, None
        # Jobs run one after another: the one in progress, then all those ahead, then this one.
        running = [self.typical if left is None else left for left in self.working.values()]
        return position, (min(running) if running else 0.0) + position * self.typical


def queue_of(connection: sqlite3.Connection, moment: float) -> Queue:
    """The unfinished jobs as `connection` sees them at `moment`, in seconds since boot."""
    working: dict[int, float | None] = {}
    waiting: list[int] = []
    whole: list[float] = []
    for row in connection.execute(
        f"""SELECT id, state, tries, {OPEN} AS open, eta, eta_at, started, lease_boot FROM jobs
            WHERE state IN ('waiting', 'leased') ORDER BY {TURN}""",  # noqa: S608 (all of it is ours)
        (boot.identity(), moment),
    ):
        # An interrupted job resumes at once, so it counts as in progress, unless it has to yield.
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
    # Until the first photo is ready, the estimates of the jobs in progress are the best guess for the others.
    lengths = [row[0] for row in measured] or whole
    typical = statistics.median(lengths) if lengths else None
    return Queue(working, tuple(waiting), typical)
