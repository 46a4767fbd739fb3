"""Retention: what is removed, when, and what never is. The sweep: what a restart cleans up."""

from __future__ import annotations

import contextlib
import io
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from PIL import Image

from kiosk.errors import BadInput, Unavailable
from kiosk.library import boot, heartbeat, intake_lock
from kiosk.library.files import PhotoFiles
from kiosk.library.intake import GROWTH, accept
from kiosk.library.library import Library
from kiosk.library.records import Image as Record
from kiosk.library.upkeep.lifetime import TOMBSTONE_SECONDS, Clocks
from kiosk.library.upkeep.retention import make_room, retain
from kiosk.library.upkeep.sweep import LOST, PART_SECONDS, sweep
from kiosk.people.showing import newest
from kiosk.settings import Retention
from kiosk.storage import DataFolder, free_bytes

pytestmark = pytest.mark.usefixtures("looked_once")


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def bring(library: Library, ready: bool = True) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 32), "teal").save(buffer, "JPEG")
    token = accept(library, buffer.getvalue(), show=True).token
    if ready:
        job = library.jobs.lease("worker")
        assert job is not None
        library.jobs.finish(job)
    return token


def test_photos_expire_and_their_links_say_so_for_a_while(data: DataFolder, clock: Clock) -> None:
    library = Library(data, Retention(hours=2), clocks=Clocks(wall=clock, running=clock))
    token = bring(library)
    clock.now += 2 * 3600 - 1
    assert retain(library).expired == ()
    clock.now += 2
    assert retain(library).expired == (token,)
    assert library.photo(token).state == "expired"
    assert not library.files(token).folder.exists()
    clock.now += TOMBSTONE_SECONDS + 1
    retain(library)
    with pytest.raises(BadInput):
        library.photo(token)


def test_without_a_limit_of_hours_nothing_expires(data: DataFolder, clock: Clock) -> None:
    library = Library(data, Retention(hours=0), clocks=Clocks(wall=clock, running=clock))
    token = bring(library)
    clock.now += 1e9
    retain(library)
    assert library.photo(token).state == "ready"


def test_the_oldest_go_when_the_quota_is_full(data: DataFolder) -> None:
    library = Library(data, Retention(hours=0))
    tokens = [bring(library) for _ in range(4)]
    each = library.photo(tokens[0]).bytes
    library.retention = Retention(hours=0, quota_gb=2.5 * each / 1e9)
    assert retain(library).over_quota == tuple(tokens[:2])
    assert [status.photo.token for status in newest(library, 12).statuses] == tokens[:1:-1]
    assert library.used_bytes() == 2 * each


def test_what_is_in_the_bin_goes_before_anything_else_even_if_it_was_waiting(data: DataFolder) -> None:
    library = Library(data, Retention(hours=0))
    oldest, ready, waiting = bring(library), bring(library), bring(library, ready=False)
    each = library.photo(oldest).bytes
    with library.writing() as connection:
        connection.execute("UPDATE photos SET binned = 1 WHERE token IN (?, ?)", (ready, waiting))
        connection.execute("UPDATE jobs SET state = 'cancelled' WHERE state = 'waiting'")
    library.retention = Retention(hours=0, quota_gb=1.5 * each / 1e9)
    assert retain(library).over_quota == (ready, waiting)
    assert library.files(oldest).original.exists()


def test_what_a_worker_has_or_somebody_waits_for_never_leaves(data: DataFolder, clock: Clock) -> None:
    library = Library(data, Retention(hours=1), clocks=Clocks(wall=clock, running=clock))
    working = bring(library, ready=False)
    library.jobs.lease("worker")
    waiting = bring(library, ready=False)
    library.retention = Retention(hours=1, quota_gb=1e-9)
    clock.now += 1e6
    removed = retain(library)
    assert removed.expired + removed.over_quota + removed.for_space == ()
    assert library.files(working).original.exists()
    assert library.files(waiting).original.exists()


def test_uploads_are_refused_where_no_photo_that_leaves_would_make_enough_room(data: DataFolder) -> None:
    library = Library(data, Retention(hours=0))
    token = bring(library)
    unreachable = 2 * free_bytes(data.root) / 1e9
    library.retention = Retention(hours=0, reserve_gb=unreachable)
    with pytest.raises(Unavailable, match="no room") as refused:
        make_room(library, 1)
    assert refused.value.status == 507
    with pytest.raises(Unavailable):
        bring(library)
    assert library.photo(token).state == "ready"
    assert not any(data.spool.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("photos", [1.5, 1e9], ids=["more than the quota", "more than any disk"])
def test_nobodys_photo_leaves_for_bytes_that_will_not_fit_anyway(data: DataFolder, photos: float) -> None:
    library = Library(data, Retention(hours=0))
    tokens = [bring(library) for _ in range(4)]
    library.retention = Retention(hours=0, quota_gb=library.used_bytes() / 1e9)
    with pytest.raises(Unavailable) as refused:
        make_room(library, int(photos * library.used_bytes()))
    assert refused.value.status == 507
    assert [library.photo(token).state for token in tokens] == ["ready"] * 4


def test_nobodys_photo_leaves_where_those_that_wait_fill_the_quota(data: DataFolder) -> None:
    library = Library(data, Retention(hours=0))
    ready = bring(library)
    each = library.used_bytes()
    waiting = [bring(library, ready=False) for _ in range(4)]
    library.retention = Retention(hours=0, quota_gb=5 * each / 1e9)
    with pytest.raises(Unavailable):
        make_room(library, 2 * each)
    assert [library.photo(token).state for token in (ready, *waiting)] == ["ready", *["received"] * 4]


def test_room_is_made_for_what_comes_not_for_what_is_there(data: DataFolder) -> None:
    library = Library(data, Retention(hours=0))
    tokens = [bring(library) for _ in range(4)]
    each = library.used_bytes() // 4
    library.retention = Retention(hours=0, quota_gb=4 * each / 1e9)
    make_room(library, 0)
    assert [library.photo(token).state for token in tokens] == ["ready"] * 4
    make_room(library, each)
    assert [library.photo(token).state for token in tokens] == ["expired", *["ready"] * 3]
    make_room(library, each + 1)
    assert [library.photo(token).state for token in tokens] == ["expired"] * 2 + ["ready"] * 2


@pytest.mark.slow
def test_the_quota_counts_the_new_photos_own_bytes(data: DataFolder) -> None:
    library = Library(data, Retention(hours=0))
    tokens = [bring(library) for _ in range(6)]
    each = library.used_bytes() // 6
    # Room for the six, and for what a new one grows by, but not for the new one itself.
    library.retention = Retention(hours=0, quota_gb=(6 + GROWTH - 1) * each / 1e9)
    bring(library, ready=False)
    assert [library.photo(token).state for token in tokens] == ["expired", *["ready"] * 5]


def test_nobodys_photo_leaves_for_a_large_file_that_is_no_photo(data: DataFolder) -> None:
    library = Library(data, Retention(hours=0))
    token = bring(library)
    library.retention = Retention(hours=0, quota_gb=2_000_000 / 1e9)
    with pytest.raises(BadInput):
        accept(library, b"no photo at all " * 120_000)
    assert library.photo(token).state == "ready"


def test_on_a_full_disk_a_photo_that_a_worker_has_keeps_its_files(
    data: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library(data, Retention(hours=0))
    ready, working = bring(library), bring(library, ready=False)
    assert library.jobs.lease("worker") is not None
    writing = library.writing
    full = [True]

    @contextlib.contextmanager
    def on_a_full_disk() -> Iterator[sqlite3.Connection]:
        if full.pop() if full else False:
            raise Unavailable("full", "disk_full", status=507)
        with writing() as connection:
            yield connection

    monkeypatch.setattr(library, "writing", on_a_full_disk)
    assert library.bury(working, "expired", unless_leased=True) is False
    assert library.files(working).original.is_file()
    full.append(True)
    assert library.bury(ready, "expired", unless_leased=True) is True
    assert not library.files(ready).folder.exists()


def test_a_sweep_removes_what_has_no_row(data: DataFolder) -> None:
    library = Library(data, Retention())
    kept = bring(library)
    orphan = PhotoFiles(data, "A" * 22)
    orphan.folder.mkdir()
    orphan.original.write_bytes(b"half a photo")
    (data.spool / "upload.abc").write_bytes(b"half an upload")
    (data.spool / "xyz.new").mkdir()
    (data.photos / ".somebody.gone").mkdir()
    part = library.files(kept).folder / ".dream.jpg.1234.part"
    part.write_bytes(b"half a dream")
    os.utime(part, (1, 1))
    preview = PhotoFiles(data, "B" * 22).preview(0)
    preview.parent.mkdir(parents=True)
    preview.write_bytes(b"of a photo that is gone")
    assert sweep(library).debris == 6
    assert [path.name for path in data.photos.iterdir()] == [kept]
    assert sorted(path.name for path in library.files(kept).folder.iterdir()) == ["original.jpg", "thumb.webp"]
    assert not any(data.spool.iterdir())
    assert sweep(library).debris == 0


@pytest.mark.slow
def test_a_sweep_leaves_a_photo_being_taken_in_and_a_worker_in_peace(data: DataFolder) -> None:
    library = Library(data, Retention())
    token = bring(library, ready=False)
    library.jobs.lease("worker", seconds=60)
    part = library.files(token).folder / ".dream.jpg.1234.part"
    part.write_bytes(b"being written")
    sweep(library)
    assert part.exists()
    (data.spool / "upload.abc").write_bytes(b"being received")
    with intake_lock.taking_in(data):
        sweep(library)
    assert (data.spool / "upload.abc").exists()
    sweep(library)
    assert not (data.spool / "upload.abc").exists()


def test_a_sweep_leaves_a_worker_in_peace_whose_lease_ran_out_while_it_writes(data: DataFolder) -> None:
    library = Library(data, Retention())
    token = bring(library, ready=False)
    library.jobs.lease("worker", seconds=-1)
    part = library.files(token).folder / ".dream.jpg.1234.part"
    part.write_bytes(b"being written")
    sweep(library)
    assert part.exists()
    os.utime(part, (time.time() - PART_SECONDS - 1,) * 2)
    sweep(library)
    assert not part.exists()


def test_a_photo_that_lost_its_files_fails_with_a_sentence(data: DataFolder) -> None:
    library = Library(data, Retention())
    lost, kept = bring(library, ready=False), bring(library, ready=False)
    library.files(lost).original.unlink()
    assert sweep(library).lost == (lost,)
    assert (library.photo(lost).state, library.photo(lost).error) == ("failed", LOST)
    job = library.jobs.lease("worker")
    assert job is not None
    assert job.token == kept


def test_previews_that_were_in_memory_are_forgotten_after_a_restart(data: DataFolder) -> None:
    library = Library(data, Retention())
    token = bring(library, ready=False)
    job = library.jobs.lease("worker")
    assert job is not None
    files = library.files(token)
    files.previews.mkdir(parents=True)
    for number in range(2):
        library.jobs.add_images(job, [Record("preview", f"previews/{number}.jpg", 64, 32)])
    files.preview(1).write_bytes(b"still there")
    sweep(library)
    assert [image.name for image in library.status(token).images] == ["original.jpg", "previews/1.jpg", "thumb.webp"]


def test_files_outside_a_photos_folder_cannot_be_named(data: DataFolder) -> None:
    files = PhotoFiles(data, "A" * 22)
    for name in ("../library.sqlite", "levels/../../x.jpg", "work/octave.npy", "/etc/passwd", "original.jpg/", ".jpg"):
        assert files.public(name) is None
    assert files.public("levels/8192/0_3.jpg") == files.tile(8192, 0, 3)
    assert files.public("previews/7.jpg") == files.preview(7)
    for token in ("..", "A" * 21, "A" * 21 + "/", ""):
        with pytest.raises(ValueError, match="not a photo token"):
            PhotoFiles(data, token)


def test_a_heartbeat_has_an_age(data: DataFolder) -> None:
    data.prepare()
    assert heartbeat.age(data, "worker") is None
    heartbeat.beat(data, "worker")
    age = heartbeat.age(data, "worker")
    assert age is not None
    assert age < 60
    heartbeat.path(data, "worker").write_text("another-boot 1.0\n")
    assert heartbeat.age(data, "worker") is None


@pytest.mark.parametrize("text", [b"", b"x", b"BOOT soon", b"BOOT nan", b"BOOT 1 2", b"\xff\xfe"])
def test_a_damaged_heartbeat_is_none(data: DataFolder, text: bytes) -> None:
    data.prepare()
    heartbeat.path(data, "worker").write_bytes(text.replace(b"BOOT", boot.identity().encode()))
    assert heartbeat.age(data, "worker") is None


def test_a_heartbeat_that_is_no_file_is_none(data: DataFolder) -> None:
    data.prepare()
    heartbeat.path(data, "worker").mkdir()
    assert heartbeat.age(data, "worker") is None
