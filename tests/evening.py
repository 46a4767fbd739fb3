"""An evening with many guests, on a clock of its own: who brings photos when, and how long the kiosk works on each.

The library, its queue and its estimates are the real ones; only time passes at once, and nothing is dreamed.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field

from kiosk.library import schema
from kiosk.library.library import Library, hash_key
from kiosk.library.records import Job
from kiosk.library.upkeep import fairness, lifetime
from kiosk.library.upkeep.lifetime import Clocks
from kiosk.settings import Retention
from kiosk.storage import DataFolder

HOURS = 4.0
PHOTOS = (1, 1, 1, 1, 2, 2, 3, 4, 12)
"""How many photos a guest brings, each as likely."""
BETWEEN = (5.0, 90.0)
"""Seconds between a guest's photos."""
SECONDS = 15.0
"""Median of the work on one photo; its logarithm has this standard deviation:"""
SPREAD = 0.3
STEP = 5.0
"""Seconds between two reports of a worker's progress."""
ASKS = 60.0
"""Seconds between two looks of a guest at the estimate."""


@dataclass
class Told:
    """What a guest was told: at which time, how long it would take, and how long it took in the end."""

    token: str
    at: float
    eta: float | None
    position: int
    took: float = 0.0


@dataclass
class Evening:
    """guests: how many come. camera: seconds between photos that the booth's own camera takes on request; 0 = none."""

    data: DataFolder
    guests: int
    seed: int = 1
    camera: float = 300.0
    now: float = 1000.0
    told: list[Told] = field(default_factory=list)
    ready: dict[str, float] = field(default_factory=dict)
    came: dict[str, tuple[float, str]] = field(default_factory=dict)
    """token -> (when it came, who brought it)"""

    def run(self) -> None:
        """Let the evening pass."""
        clocks = Clocks(wall=lambda: self.now, running=lambda: self.now, is_set=lambda: True)
        with Library(self.data, Retention(hours=0), clocks=clocks) as library:
            library.jobs._clock = lambda: self.now
            chance = random.Random(self.seed)
            arrivals = sorted(self._arrivals(chance))
            asks: list[tuple[float, str]] = []
            while arrivals or library.unfinished(1):
                self._pass(library, arrivals, asks, self.now)
                job = library.jobs.lease("worker", 1e9)
                if job is None:
                    self.now = arrivals[0][0]
                    continue
                self._work(library, job, SECONDS * chance.lognormvariate(0, SPREAD), arrivals, asks)
        for told in self.told:
            told.took = self.ready[told.token] - told.at

    def _arrivals(self, chance: random.Random) -> list[tuple[float, str]]:
        """(time, who) of every photo. Half of the guests come in a sixth of the evening: after the speeches."""
        length = HOURS * 3600 * self.guests / 200
        found = []
        for guest in range(self.guests):
            start = length * (chance.uniform(0.5, 0.667) if guest % 2 else chance.random())
            for _ in range(chance.choice(PHOTOS)):
                found.append((self.now + start, f"guest {guest}"))
                start += chance.uniform(*BETWEEN)
        if self.camera:
            found += [(self.now + at, "") for at in range(int(self.camera), int(length), int(self.camera))]
        return found

    def _work(self, library: Library, job: Job, seconds: float, arrivals: list[tuple[float, str]], asks: list) -> None:
        end = self.now + seconds
        while (left := end - self.now) > 0.001:
            library.jobs._progress_written = (0, "", float("-inf"))
            library.jobs.progress(job, "dreaming", 1 - left / seconds, left)
            self._pass(library, arrivals, asks, min(end, self.now + STEP))
        library.jobs.finish(job)
        self.ready[job.token] = self.now

    def _pass(self, library: Library, arrivals: list[tuple[float, str]], asks: list, until: float) -> None:
        """Let time pass until `until`: photos come, and guests look at their estimates."""
        while True:
            next_ = min(arrivals[0][0] if arrivals else until + 1, asks[0][0] if asks else until + 1)
            if next_ > until:
                break
            self.now = max(self.now, next_)
            if asks and asks[0][0] == next_:
                _, token = heapq.heappop(asks)
            else:
                token = self._bring(library, arrivals.pop(0)[1])
            status = library.status(token)
            if status.position is not None:
                self.told.append(Told(token, self.now, status.eta_seconds, status.position))
                heapq.heappush(asks, (self.now + ASKS, token))
        self.now = until

    def _bring(self, library: Library, who: str) -> str:
        token = f"{len(self.came):022}"
        self.came[token] = self.now, who
        library.files(token).home.mkdir(parents=True)
        with library.writing() as connection:
            columns = {
                "token": token, "owner_hash": hash_key(token), "state": "received", "style": None,
                "source": "upload" if who else "camera", "width": 2048, "height": 1024, "gpano": None, "bytes": 0,
                "created": self.now, "expires": None, "changed": self.now, "client": who or None,
                "asked": None if who else token, "born": lifetime.lived(connection, library.clocks),
            }  # fmt: skip
            turn = fairness.next_turn(connection, who or None, asked=not who)
            schema.insert_photo(connection, columns, [], turn=turn)
        return token
