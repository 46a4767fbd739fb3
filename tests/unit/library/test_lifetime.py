"""Lifetimes are measured by elapsed time, unaffected by wall-clock jumps."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest
from PIL import Image

from kiosk.library import notices
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.library.upkeep.lifetime import TOMBSTONE_SECONDS, Clocks, JumpWatch
from kiosk.library.upkeep.rescue import rescue
from kiosk.library.upkeep.retention import retain
from kiosk.settings import Retention
from kiosk.storage import DataFolder

pytestmark = pytest.mark.usefixtures("looked_once")

HOUR, DAY, YEAR = 3600.0, 86400.0, 365 * 86400.0


@dataclass
class Box:
    """A machine whose clocks a test sets."""

    data: DataFolder
    wall: float = 1_000_000_000.0
    since_boot: float = 100.0
    boots: int = 1
    is_set: bool = False

    def open(self, hours: float = 24) -> Library:
        clocks = Clocks(lambda: self.wall, lambda: self.since_boot, lambda: f"boot {self.boots}", lambda: self.is_set)
        return Library(self.data, Retention(hours=hours), clocks=clocks)

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.since_boot += seconds

    def is_off(self, seconds: float, says: float | None = None) -> None:
        """Switch off for a while. Without a battery, the clock reads `says` afterwards, not yet set by the network."""
        self.wall = self.wall + seconds if says is None else says
        self.since_boot = 5.0
        self.boots += 1
        self.is_set = False


@pytest.fixture
def box(data: DataFolder) -> Box:
    return Box(data)


def bring(library: Library) -> str:
    picture = io.BytesIO()
    Image.new("RGB", (64, 32), "teal").save(picture, "JPEG")
    token = accept(library, picture.getvalue()).token
    library.jobs.finish(library.jobs.lease("worker"))
    return token


@pytest.mark.parametrize("jump", [20 * YEAR, DAY, -DAY, -20 * YEAR])
def test_a_jump_of_the_clock_removes_nothing_and_lifetimes_go_on(box: Box, jump: float) -> None:
    library = box.open()
    token = bring(library)
    box.passes(HOUR)
    retain(library)
    box.wall += jump
    assert retain(library).expired == ()
    assert library.photo(token).expires == pytest.approx(box.wall + 23 * HOUR, abs=1), "guests are told the new time"
    box.passes(22.9 * HOUR)
    assert retain(library).expired == ()
    box.passes(0.2 * HOUR)
    assert retain(library).expired == (token,)


@pytest.mark.parametrize(("jump", "words"), [(20 * YEAR, "forward by 20 years"), (-3 * DAY, "back by 3 days")])
def test_a_jump_is_logged_and_shown(box: Box, caplog: pytest.LogCaptureFixture, jump: float, words: str) -> None:
    library = box.open()
    box.passes(30)
    library.tick()
    assert notices.said(box.data) == []
    box.wall += jump
    library.tick()
    (sentence,) = notices.said(box.data)
    assert words in sentence
    assert words in caplog.text
    library.tick()
    assert caplog.text.count(words) == 1


def test_small_corrections_are_no_jump(box: Box) -> None:
    library = box.open()
    box.wall += 30
    library.tick()
    assert notices.said(box.data) == []


def test_a_jump_while_the_kiosk_was_stopped_is_noticed_by_the_next(box: Box) -> None:
    with box.open() as library:
        token = bring(library)
        library.tick()
    box.passes(HOUR)
    box.wall += YEAR
    library = box.open()
    assert retain(library).expired == ()
    assert library.photo(token).expires == pytest.approx(box.wall + 23 * HOUR, abs=1)
    assert len(notices.said(box.data)) == 1


def test_tombstones_and_waits_count_time_that_passed(box: Box) -> None:
    library = box.open()
    token = bring(library)
    library.remove(token)
    box.wall += 20 * YEAR
    retain(library)
    assert library.photo(token).state == "deleted"
    box.passes(TOMBSTONE_SECONDS + 1)
    retain(library)
    assert library.everything() == []
    with library.reading() as connection:
        assert connection.execute("SELECT count(*) FROM photos").fetchone()[0] == 0
    picture = io.BytesIO()
    Image.new("RGB", (64, 32)).save(picture, "JPEG")
    accept(library, picture.getvalue())
    box.wall += YEAR
    box.passes(7)
    assert library.jobs.lease("worker").waited == pytest.approx(7)


def test_a_week_off_counts_where_the_network_sets_the_clock(box: Box) -> None:
    box.is_set = True
    with box.open() as library:
        old = bring(library)
    box.is_off(7 * DAY)
    library = box.open()
    assert retain(library).expired == (), "not before the time is known"
    box.passes(60)
    box.is_set = True
    assert retain(library).expired == (old,)


def test_what_counted_already_does_not_count_twice(box: Box) -> None:
    box.is_set = True
    with box.open(hours=100) as library:
        token = bring(library)
        library.tick()
    box.is_off(50 * HOUR)
    library = box.open(hours=100)
    box.passes(HOUR)
    box.is_set = True
    for _ in range(3):
        retain(library)
    assert library.photo(token).expires == pytest.approx(box.wall + 49 * HOUR, abs=1)


@pytest.mark.parametrize("says", [0.0, 5_000_000_000.0], ids=["the past", "the future"])
@pytest.mark.parametrize("was_set", [True, False])
def test_a_wrong_clock_after_being_off_removes_nothing(box: Box, says: float, was_set: bool) -> None:
    box.is_set = was_set
    with box.open() as library:
        token = bring(library)
        library.tick()
    box.is_off(7 * DAY, says)
    library = box.open()
    assert retain(library).expired == ()
    assert library.photo(token).state == "ready"


def test_without_a_network_being_off_counts_for_a_tenth_at_most_so_nothing_is_kept_for_ever(box: Box) -> None:
    with box.open() as library:
        token = bring(library)
    starts = 0
    while True:
        box.is_off(7 * DAY)
        starts += 1
        with box.open() as library:
            if retain(library).expired:
                break
        assert starts < 20
    assert starts == 10
    assert token


def test_a_clock_that_starts_before_the_last_boot_is_noticed(box: Box) -> None:
    box.open().close()
    box.is_off(0, says=0.0)
    box.open()
    (sentence,) = notices.said(box.data)
    assert "back by 32 years" in sentence


def test_a_power_cut_loses_no_more_than_since_the_last_tick(box: Box) -> None:
    with box.open() as library:
        bring(library)
        box.passes(23 * HOUR)
        library.tick()
        box.passes(60)
    box.is_off(0)
    with box.open() as library:
        box.passes(HOUR + 1)
        assert len(retain(library).expired) == 1


@pytest.mark.parametrize(("age", "left"), [(HOUR, 23 * HOUR), (20 * YEAR, 2.4 * HOUR), (-YEAR, 24 * HOUR)])
def test_a_rescued_photo_keeps_what_is_left_and_a_tenth_whatever_the_clock_says(
    data: DataFolder, age: float, left: float
) -> None:
    import os
    import time

    with Library(data, Retention(hours=24)) as library:
        token = bring(library)
        original = library.files(token).original
    os.utime(original, (time.time() - age,) * 2)
    for part in data.root.glob("library.sqlite*"):
        part.unlink()
    assert rescue(data, Retention(hours=24)).photos == 1
    with Library(data, Retention(hours=24)) as library:
        assert retain(library).expired == ()
        assert library.photo(token).expires - time.time() == pytest.approx(left, abs=300)


def test_the_watch_tells_a_jump_once(box: Box) -> None:
    watch = JumpWatch(Clocks(wall=lambda: box.wall, running=lambda: box.since_boot))
    box.passes(DAY)
    assert watch.jump() == 0
    box.wall += YEAR
    assert watch.jump() == pytest.approx(YEAR)
    assert watch.jump() == 0
