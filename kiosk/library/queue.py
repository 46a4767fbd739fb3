"""The queue: the order of the open jobs, and estimates of when each will be ready."""

from __future__ import annotations

import sqlite3
import statistics
from dataclasses import dataclass

from kiosk.library import boot

PATIENCE = 2
"""Leases without progress after which a photo yields to the others."""
MEASURED_JOBS = 20
LEAST_BACK, MOST_BACK = 300.0, 3600.0
"""How far back arrivals are counted to estimate those to come, in seconds."""
LATELY = 400
"""The most photos that are counted as arrivals."""
BURST = 0.3
"""Guests come in bursts that end: this share of the late arrivals estimates those to come (tests/bench/evening.py)."""
MOST_OVERTAKING = 0.8
LONGEST_TIMES = 3.0
"""A job that took more than this many times the median counts as no longer: something was wrong, such as a pause."""

# Shared by leasing and by the positions shown to guests. OPEN selects jobs that nobody works on; its parameters are
# this boot and the current time. TURN orders them: interrupted jobs resume first, unless interrupted too often.
OPEN = "(jobs.state = 'waiting' OR (jobs.state = 'leased' AND (lease_boot <> ? OR lease_until < ?)))"
TURN = f"tries >= {PATIENCE}, jobs.state = 'waiting', turn, jobs.id"


@dataclass(frozen=True)
class Queue:
    """The unfinished jobs in order, with estimates. All times are in seconds.

    working: job ID -> its own estimate of the time left, None if unknown. waiting: job ID -> its turn, in order.
    typical: time from lease to ready, None until something was measured. begun: the latest turn that has begun.
    arrivals: (age, turn) of the photos that came lately, newest first.
    """

    working: dict[int, float | None]
    waiting: dict[int, int]
    typical: float | None
    begun: int = 0
    arrivals: tuple[tuple[float, int], ...] = ()

    def place(self, job: int) -> tuple[int, float | None]:
        """(position, eta) of a job: position 0 = in progress, 1 = next; eta None until something was measured."""
        if job in self.working:
            return 0, self.working[job] if self.working[job] is not None else self.typical
        position = list(self.waiting).index(job) + 1
        if self.typical is None:
            return position, None
        # Jobs run one after another: the one in progress, then all those ahead, then this one.
        running = [self.typical if left is None else left for left in self.working.values()]
        ahead = (min(running) if running else 0.0) + (position - 1) * self.typical
        return position, ahead / (1 - self._overtaking(self.waiting[job], ahead)) + self.typical

    def _overtaking(self, turn: int, ahead: float) -> float:
        """The fraction of the kiosk's time, 0 to MOST_OVERTAKING, that goes to guests who come later than a photo with
        this turn but go before it, as newcomers go before somebody's second photo. Reckoned from those who came lately,
        looking back as far as it has to wait."""
        if turn <= self.begun + 1 or not self.typical:
            return 0.0
        back = min(max(ahead, LEAST_BACK), MOST_BACK)
        overtook = sum(age <= back and other < turn for age, other in self.arrivals)
        return min(BURST * overtook * self.typical / back, MOST_OVERTAKING)


def queue_of(connection: sqlite3.Connection, moment: float, lived: float) -> Queue:
    """The unfinished jobs as `connection` sees them at `moment`, in seconds since boot; `lived` is the same moment on
    the kiosk's own clock."""
    working: dict[int, float | None] = {}
    waiting: dict[int, int] = {}
    whole: list[float] = []
    for row in connection.execute(
        f"""SELECT id, state, tries, turn, {OPEN} AS open, eta, eta_at, started, lease_boot FROM jobs
            WHERE state IN ('waiting', 'leased') ORDER BY {TURN}""",  # noqa: S608 (all of it is ours)
        (boot.identity(), moment),
    ):
        # An interrupted job resumes at once, so it counts as in progress, unless it has to yield.
        if row["state"] == "waiting" or (row["open"] and row["tries"] >= PATIENCE):
            waiting[row["id"]] = row["turn"]
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
    # The mean, because waiting times are sums.
    longest = LONGEST_TIMES * statistics.median(lengths) if lengths else 0.0
    typical = statistics.mean(min(length, longest) for length in lengths) if lengths else None
    begun = connection.execute("SELECT coalesce(max(turn), 0) FROM jobs WHERE attempts > 0").fetchone()[0]
    arrivals = connection.execute(
        "SELECT ? - born, turn FROM photos JOIN jobs ON photos.id = photo_id ORDER BY photos.id DESC LIMIT ?",
        (lived, LATELY),
    ).fetchall()
    return Queue(working, waiting, typical, begun, tuple(map(tuple, arrivals)))
