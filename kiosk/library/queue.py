"""The queue: in which order the open jobs are made ready, and when."""

from __future__ import annotations

import sqlite3
import statistics
from dataclasses import dataclass

from kiosk.library import boot

PATIENCE = 3
"""How often a photo is leased without getting further before it lets the others go first."""
MEASURED_JOBS = 20

# One for leasing and for telling guests their place: jobs that nobody works on (with this boot and moment), and whose
# turn is before whose. What was interrupted goes on first, unless it was so too often.
OPEN = "(jobs.state = 'waiting' OR (jobs.state = 'leased' AND (lease_boot <> ? OR lease_until < ?)))"
TURN = f"tries >= {PATIENCE}, jobs.state = 'waiting', turn, jobs.id"


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


def queue_of(connection: sqlite3.Connection, moment: float) -> Queue:
    """The open jobs as `connection` sees them at `moment`, seconds of this boot."""
    working: dict[int, float | None] = {}
    waiting: list[int] = []
    whole: list[float] = []
    for row in connection.execute(
        f"""SELECT id, state, tries, {OPEN} AS open, eta, eta_at, started, lease_boot FROM jobs
            WHERE state IN ('waiting', 'leased') ORDER BY {TURN}""",  # noqa: S608 (all of it is ours)
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
