"""The queue: leases, attempts, progress, turns and estimates."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace

import pytest
from PIL import Image

from kiosk.errors import BadInput, Unavailable
from kiosk.library import presence, schema
from kiosk.library.database import Watch
from kiosk.library.intake import accept
from kiosk.library.jobs import ATTEMPTS, GIVEN_UP, PROGRESS_SECONDS, LeaseLost
from kiosk.library.library import Library
from kiosk.library.queue import PATIENCE
from kiosk.library.records import Image as Record
from kiosk.library.records import Photo
from kiosk.people.showing import newest
from kiosk.settings import Retention
from kiosk.sphere.place import Place
from kiosk.storage import DataFolder, write_atomic
from tests.waiting import LONGEST

pytestmark = pytest.mark.usefixtures("looked_once")


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def library(data: DataFolder, clock: Clock) -> Library:
    library = Library(data, Retention(hours=0))
    library.jobs._clock = clock
    return library


@pytest.fixture
def bring(library: Library):
    buffer = io.BytesIO()
    Image.new("RGB", (64, 32), "teal").save(buffer, "JPEG")

    def bring(**options) -> Photo:
        return accept(library, buffer.getvalue(), **options)

    return bring


def test_jobs_are_leased_in_the_order_in_which_photos_came(library: Library, bring) -> None:
    first, second = bring(style="eyes", recipe={"seed": 7}), bring()
    job = library.jobs.lease("worker")
    assert job is not None
    assert (job.token, job.style, job.recipe, job.leases) == (first.token, "eyes", {"seed": 7}, 1)
    assert library.photo(first.token).state == "dreaming"
    assert library.photo(second.token).state == "waiting", "a living worker has seen it"
    other = library.jobs.lease("other worker")
    assert other is not None
    assert other.token == second.token
    assert library.jobs.lease("third worker") is None


def test_a_photo_is_received_until_a_worker_has_seen_it(library: Library, bring) -> None:
    bring()
    job = library.jobs.lease("worker")
    late = bring()
    assert library.photo(late.token).state == "received"
    library.jobs.renew(job)
    assert library.photo(late.token).state == "waiting"


def test_a_lease_that_ran_out_goes_to_another_and_the_first_hears_of_it(library: Library, bring, clock: Clock) -> None:
    bring()
    lost = library.jobs.lease("sleeper", seconds=30)
    clock.now += 29
    assert library.jobs.lease("other") is None
    library.jobs.renew(lost, 30)
    clock.now += 31
    taken = library.jobs.lease("other")
    assert taken is not None
    assert (taken.id, taken.leases) == (lost.id, 2)
    for late in (
        lambda: library.jobs.renew(lost),
        lambda: library.jobs.progress(lost, "dreaming", 0.5),
        lambda: library.jobs.add_images(lost, [Record("dream", "dream.jpg", 64, 32)]),
        lambda: library.jobs.finish(lost),
        lambda: library.jobs.fail(lost, "Sorry."),
        lambda: library.jobs.release(lost),
    ):
        with pytest.raises(LeaseLost):
            late()


def test_a_lease_that_ran_out_is_still_good_while_nobody_wants_it(library: Library, bring, clock: Clock) -> None:
    bring()
    job = library.jobs.lease("worker", seconds=10)
    clock.now += 100
    library.jobs.renew(job)
    library.jobs.finish(job)


def test_a_worker_that_died_gets_its_job_back_at_once(library: Library, bring) -> None:
    bring()
    before = library.jobs.lease("worker")
    again = library.jobs.lease("worker")
    assert again is not None
    assert (again.id, again.leases) == (before.id, 2)
    with pytest.raises(LeaseLost):
        library.jobs.renew(before)


def test_a_lease_of_an_earlier_boot_is_open(library: Library, bring) -> None:
    bring()
    job = library.jobs.lease("worker", seconds=1e9)
    with library.writing() as connection:
        connection.execute("UPDATE jobs SET lease_boot = 'the boot before'")
    again = library.jobs.lease("other")
    assert again is not None
    assert again.id == job.id


def test_a_photo_that_kills_every_worker_fails_with_a_sentence(library: Library, bring) -> None:
    deadly, harmless = bring(), bring()
    for attempt in range(PATIENCE):
        job = library.jobs.lease("worker")
        assert (job.token, job.leases, job.leases_since_progress) == (deadly.token, attempt + 1, attempt + 1)
    # The others no longer wait for it.
    job = library.jobs.lease("worker")
    assert job.token == harmless.token
    library.jobs.finish(job)
    for _ in range(PATIENCE, ATTEMPTS):
        assert library.jobs.lease("worker").token == deadly.token
    assert library.jobs.lease("worker") is None
    photo = library.photo(deadly.token)
    assert (photo.state, photo.error, photo.error_code) == ("failed", GIVEN_UP, "gave_up")


def test_a_photo_that_gets_further_each_time_may_be_interrupted_often(library: Library, bring) -> None:
    photo = bring()
    for number in range(3 * ATTEMPTS):
        with Library(library.data) as other:  # another process: nothing is remembered of when progress was written
            job = other.jobs.lease("worker")
            assert job.leases == number + 1
            other.jobs.progress(job, "dreaming", 0.03 * (number + 1))
    assert library.photo(photo.token).state == "dreaming"
    # Catching up to the earlier progress does not count.
    for _ in range(ATTEMPTS - 1):
        with Library(library.data) as other:
            other.jobs.progress(other.jobs.lease("worker"), "dreaming", 0.3)
    assert library.jobs.lease("worker").leases_since_progress == ATTEMPTS
    assert library.jobs.lease("worker") is None
    assert library.photo(photo.token).state == "failed"


def test_a_job_given_back_does_not_count_as_an_attempt(library: Library, bring) -> None:
    photo = bring()
    for _ in range(ATTEMPTS + 2):
        library.jobs.release(library.jobs.lease("worker"))
    assert library.photo(photo.token).state == "waiting"
    assert library.jobs.lease("worker").leases == 1


def test_progress_and_pictures_are_what_the_status_says(library: Library, bring) -> None:
    photo = bring()
    job = library.jobs.lease("worker")
    library.jobs.progress(job, "dreaming", 0.25, 12.0)
    library.jobs.add_images(job, [Record("preview", "previews/0.jpg", 64, 32)])
    library.jobs.add_images(job, [Record("level", "levels/8192/{col}_{row}.jpg", 8192, 4096, tile=1024)])
    library.jobs.add_images(job, [Record("level", "levels/1024.jpg", 1024, 512)])
    status = library.status(photo.token)
    assert (status.photo.state, status.progress, status.eta_seconds, status.position) == ("dreaming", 0.25, 12.0, 0)
    assert [(image.kind, image.width) for image in status.images] == [
        ("original", 64),
        ("preview", 64),
        ("thumb", 384),
        ("level", 1024),
        ("level", 8192),
    ]
    assert status.images[-1].tile == 1024


def test_a_picture_that_replaces_another_is_its_next_version(library: Library, bring) -> None:
    photo = bring()
    job = library.jobs.lease("worker")
    for width in (1024, 2048, 2048):
        library.jobs.add_images(job, [Record("sphere", "sphere.jpg", width, width // 2)])
    (sphere,) = (image for image in library.status(photo.token).images if image.kind == "sphere")
    assert (sphere.width, sphere.height, sphere.version) == (2048, 1024, 3)


VIEW = Place("view", "rectilinear", 67.4, 53.1)
WHOLE = Place("sphere", "equirectangular", 360, 180)


@pytest.mark.parametrize(
    ("place", "size", "shown_as_it_is"),
    [
        (None, (64, 32), True),
        (None, (64, 31), False),
        (VIEW, (64, 32), False),
        (WHOLE, (65, 32), True),
        (replace(WHOLE, pose_roll=-12.0), (64, 32), False),
        (replace(WHOLE, kind="part", across=270), (64, 32), False),
    ],
)
def test_whether_the_original_is_a_level_sphere_is_what_its_place_says(
    library: Library, bring, place: Place | None, size: tuple[int, int], shown_as_it_is: bool
) -> None:
    photo = bring()
    with library.writing() as connection:
        connection.execute(
            "UPDATE photos SET place = ?, width = ?, height = ?", (place and json.dumps(asdict(place)), *size)
        )
    known = library.photo(photo.token)
    assert (known.is_sphere, known.kind) == (shown_as_it_is, place and place.kind)


def test_an_estimate_runs_down_between_two_reports(library: Library, bring, clock: Clock) -> None:
    photo = bring()
    library.jobs.progress(library.jobs.lease("worker"), "dreaming", 0.25, 12.0)
    clock.now += 5
    assert library.status(photo.token).eta_seconds == 7
    clock.now += 50
    assert library.status(photo.token).eta_seconds == 0


@pytest.mark.slow
def test_progress_may_be_told_at_every_iteration_without_wearing_the_card(library: Library, bring) -> None:
    bring()
    job = library.jobs.lease("worker")
    watch = Watch(library)
    watch.changed()
    writes, started = 0, time.monotonic()
    while time.monotonic() < started + 1.0:
        library.jobs.progress(job, "dreaming", 0.1, 3.0)
        writes += watch.changed()
    assert 1 <= writes <= 1 + (time.monotonic() - started) / PROGRESS_SECONDS
    library.jobs.progress(job, "upscaling", 0.6)
    assert watch.changed(), "a new state is told at once"


@pytest.mark.slow
def test_the_wait_is_the_work_before_plus_ones_own(library: Library, bring, clock: Clock) -> None:
    for seconds in (10, 20, 90):
        bring()
        job = library.jobs.lease("worker")
        clock.now += seconds
        library.jobs.finish(job)
    # Their mean, but none counts as more than three times the median: 10, 20 and 60.
    working, second, third = bring(), bring(), bring()
    job = library.jobs.lease("worker")
    library.jobs.progress(job, "dreaming", 0.5, 8.0)
    assert library.status(working.token).eta_seconds == 8
    assert (library.status(second.token).position, library.status(second.token).eta_seconds) == (1, 8 + 30)
    assert (library.status(third.token).position, library.status(third.token).eta_seconds) == (2, 8 + 60)


def test_there_is_no_estimate_before_anything_was_measured(library: Library, bring) -> None:
    bring()
    waiting = bring()
    library.jobs.lease("worker")
    assert library.status(waiting.token).eta_seconds is None


def test_a_finished_photo_is_ready_its_checkpoints_gone_its_size_known(library: Library, bring) -> None:
    photo = bring(origin="camera")
    job = library.jobs.lease("worker")
    files = library.files(photo.token)
    (files.under(job.fence).work / "octave-1.npy").write_bytes(b"x" * 1000)
    files.dream.write_bytes(b"y" * 500)
    library.jobs.finish(job, recipe={"done": True})
    status = library.status(photo.token)
    assert (status.photo.state, status.progress, status.position, status.eta_seconds) == ("ready", 1.0, None, None)
    assert status.photo.bytes == photo.bytes + 500
    assert not files.work.exists()
    with library.reading() as connection:
        assert json.loads(connection.execute("SELECT recipe FROM jobs").fetchone()[0]) == {"done": True}
    assert [one.photo.token for one in newest(library, 12).statuses] == [photo.token]


def test_a_failed_photo_says_why(library: Library, bring) -> None:
    photo = bring()
    library.jobs.fail(library.jobs.lease("worker"), "The photo is too dark.", "too_dark")
    told = library.photo(photo.token)
    assert (told.state, told.error, told.error_code) == ("failed", "The photo is too dark.", "too_dark")
    assert library.jobs.lease("worker") is None


def test_only_the_owner_deletes_and_the_worker_hears_of_it(library: Library, bring) -> None:
    photo = bring()
    job = library.jobs.lease("worker")
    for wrong in (None, "", "guessed", photo.token):
        with pytest.raises(BadInput) as refused:
            library.delete(photo.token, wrong)
        assert refused.value.status == 403
    assert library.files(photo.token).original.exists()
    library.delete(photo.token, photo.owner_key)
    assert not library.files(photo.token).folder.exists()
    assert library.photo(photo.token).state == "deleted"
    assert library.status(photo.token).images == ()
    with pytest.raises(LeaseLost):
        library.jobs.renew(job)
    with pytest.raises(BadInput) as refused:
        library.delete(photo.token, photo.owner_key)
    assert refused.value.status == 404
    assert not list(library.data.photos.iterdir())


def test_two_workers_never_get_the_same_job(library: Library, bring) -> None:
    tokens = {bring().token for _ in range(6)}
    leased: list[str] = []

    def work(name: str) -> None:
        with Library(library.data, Retention(hours=0)) as own:
            while (job := own.jobs.lease(name)) is not None:
                leased.append(job.token)
                own.jobs.finish(job)

    workers = [threading.Thread(target=work, args=(f"worker {number}",)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(LONGEST)
    assert sorted(leased) == sorted(tokens)


def test_the_watch_sees_what_other_connections_commit(library: Library, bring) -> None:
    watch = Watch(library)
    assert watch.changed()
    assert not watch.changed()
    bring()
    assert watch.changed()
    library.status(bring().token)
    watch.changed()
    newest(library, 12)
    assert not watch.changed(), "reading is no change"


def test_the_database_is_set_up_for_power_cuts(library: Library) -> None:
    with library.reading() as connection:
        pragmas = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "user_version", "busy_timeout")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "user_version": len(schema.MIGRATIONS),
        "busy_timeout": schema.BUSY_MILLISECONDS,
    }
    assert library.data.database.stat().st_mode & 0o777 == 0o600


def test_a_damaged_database_is_named_and_not_touched(data: DataFolder) -> None:
    data.prepare()
    data.database.write_bytes(b"this was a database once" * 400)
    before = data.database.read_bytes()
    with pytest.raises(Unavailable, match="damaged"):
        Library(data)
    assert data.database.read_bytes() == before


def test_a_database_of_a_newer_version_is_refused(data: DataFolder) -> None:
    Library(data).close()
    connection = sqlite3.connect(data.database)
    connection.execute("PRAGMA user_version = 99")
    connection.commit()
    connection.close()
    with pytest.raises(Unavailable, match="newer version"):
        Library(data)


def test_several_processes_may_make_the_same_library_at_once(data: DataFolder) -> None:
    failures: list[BaseException] = []

    def open_it() -> None:
        try:
            Library(data).close()
        except BaseException as error:
            failures.append(error)

    openers = [threading.Thread(target=open_it) for _ in range(8)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join(LONGEST)
    assert not any(opener.is_alive() for opener in openers)
    assert not failures
    with Library(data) as library:
        assert library.everything() == []


def test_before_anything_was_finished_the_photo_under_way_is_the_measure(library: Library, bring, clock: Clock) -> None:
    first, second = bring(), bring()
    job = library.jobs.lease("worker")
    assert job is not None
    assert library.status(second.token).eta_seconds is None
    clock.now += 10
    library.jobs.progress(job, "dreaming", 0.25, 30.0)
    assert library.status(first.token).eta_seconds == 30
    assert library.status(second.token).eta_seconds == 30 + 40


def test_unfinished_photos_come_in_the_order_in_which_they_will_be_ready(library: Library, bring) -> None:
    first, second, third = bring(), bring(), bring()
    job = library.jobs.lease("worker")
    assert job is not None
    library.jobs.finish(job)
    library.jobs.lease("worker")
    assert [status.photo.token for status in library.unfinished()] == [second.token, third.token]
    assert first.token not in {status.photo.token for status in library.unfinished()}


def test_a_database_of_the_first_version_keeps_its_photos_and_pictures(data: DataFolder) -> None:
    data.prepare()
    connection = sqlite3.connect(data.database)
    for statement in filter(None, (part.strip() for part in schema.MIGRATIONS[0].split(";"))):
        connection.execute(statement)
    connection.execute("PRAGMA user_version = 1")
    token = "A" * 22
    connection.execute(
        "INSERT INTO photos (token, owner_hash, state, source, width, height, created, changed) "
        "VALUES (?, x'00', 'ready', 'upload', 64, 32, 1, 1)",
        (token,),
    )
    connection.execute("INSERT INTO images VALUES (1, 'original', 'original.jpg', 64, 32, NULL)")
    connection.execute("INSERT INTO images VALUES (1, 'level', 'levels/8192/{col}_{row}.jpg', 8192, 4096, 1024)")
    connection.commit()
    connection.close()
    with Library(data) as library:
        status = library.status(token)
    assert [(image.kind, image.tile, image.overlap, image.version) for image in status.images] == [
        ("original", None, 0, 1),
        ("level", 1024, 0, 1),
    ]
    assert status.photo.stereo is None


def test_a_lease_given_back_is_void_though_the_next_one_has_the_same_name(library: Library, bring) -> None:
    photo = bring()
    first = library.jobs.lease("worker")
    library.jobs.release(first)
    second = library.jobs.lease("worker")
    assert (second.leases, second.fence) == (1, 2)
    with pytest.raises(LeaseLost):
        library.jobs.finish(first)
    library.jobs.finish(second)
    assert library.photo(photo.token).state == "ready"


def test_the_job_of_a_worker_that_has_ended_is_open_at_once_and_that_of_a_living_one_is_not(library, bring) -> None:
    bring()
    mine, other = presence.new_name(), presence.new_name()
    assert mine != other
    with presence.present(library.data, mine):
        job = library.jobs.lease(mine, seconds=1e9)
        assert library.jobs.lease(other) is None
    again = library.jobs.lease(other)
    assert (again.id, again.fence) == (job.id, job.fence + 1)
    presence.forget_ended(library.data, library.jobs.workers())
    assert not list(library.data.runtime.glob("*.worker"))


def test_a_worker_killed_in_another_process_is_known_to_have_ended(library: Library, bring) -> None:
    script = (
        "import sys, time; from pathlib import Path; from kiosk.library import presence\n"
        "from kiosk.storage import DataFolder\n"
        "with presence.present(DataFolder(Path(sys.argv[1])), 'worker-x'):\n"
        "    print('here', flush=True)\n    time.sleep(600)"
    )
    bring()
    command = [sys.executable, "-c", script, str(library.data.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "here\n"
        library.jobs.lease("worker-x", seconds=1e9)
        assert library.jobs.lease("another") is None
        process.kill()
    assert library.jobs.lease("another") is not None


def test_whoever_lost_a_lease_writes_nothing_into_the_photo(library: Library, bring) -> None:
    photo = bring()
    files = library.files(photo.token)
    lost = library.jobs.lease("slow")
    old = files.under(lost.fence)
    (old.work / "dream.checkpoint").write_bytes(b"half way")
    old.dream.write_bytes(b"of the slow one")
    with library.writing() as connection:
        connection.execute("UPDATE jobs SET lease_until = -1")
    taken = library.jobs.lease("quick")
    new = files.under(taken.fence)
    assert (new.work / "dream.checkpoint").read_bytes() == b"half way", "what was done is not lost"
    with pytest.raises(Unavailable):
        write_atomic(old.work / "dream.checkpoint", b"of the slow one")
    with pytest.raises(Unavailable):
        write_atomic(old.upscaled, b"of the slow one")
    new.dream.write_bytes(b"of the quick one")
    library.jobs.add_images(taken, [Record("dream", "dream.jpg", 64, 32)], new.move_in)
    assert files.dream.read_bytes() == b"of the quick one"
    moved = []
    with pytest.raises(LeaseLost):
        library.jobs.add_images(lost, [Record("dream", "dream.jpg", 1, 1)], lambda: moved.append(1))
    assert not moved
    library.jobs.finish(taken)
    assert sorted(path.name for path in files.home.iterdir()) == ["dream.jpg", "original.jpg", "thumb.webp"]


def test_pictures_move_in_with_their_folders_and_replace_older_ones(library: Library, bring) -> None:
    files = library.files(bring().token)
    for content in (b"first", b"second"):
        job = library.jobs.lease("worker")
        mine = files.under(job.fence)
        mine.tile(8192, 0, 0).parent.mkdir(parents=True)
        mine.tile(8192, 0, 0).write_bytes(content)
        mine.level(1024).write_bytes(content)
        library.jobs.add_images(job, [], mine.move_in)
    assert files.tile(8192, 0, 0).read_bytes() == files.level(1024).read_bytes() == b"second"


def test_the_place_in_the_queue_is_the_order_in_which_jobs_are_leased(library: Library, bring) -> None:
    tokens = [bring().token for _ in range(5)]
    with library.writing() as connection:
        connection.executemany(
            "UPDATE jobs SET tries = ? WHERE id = ?", [(PATIENCE, 1), (0, 2), (PATIENCE + 1, 3), (1, 4), (0, 5)]
        )
    told = sorted(tokens, key=lambda token: library.status(token).position)
    leased = []
    for number in range(5):
        job = library.jobs.lease(f"worker {number}")
        leased.append(job.token)
        library.jobs.finish(job)
    assert told == leased == [tokens[1], tokens[3], tokens[4], tokens[0], tokens[2]]


def test_what_was_interrupted_goes_on_before_what_waits(library: Library, bring) -> None:
    """Even if it arrived later, because a guest has seen it start."""
    first, second = bring(), bring()
    with library.writing() as connection:
        connection.execute(
            "UPDATE jobs SET state = 'leased', worker = 'gone', lease_boot = 'earlier', lease_until = 0, started = 0 "
            "WHERE photo_id = ?",
            (second.id,),
        )
    assert library.status(second.token).position == 0
    assert library.status(first.token).position == 1
    assert library.jobs.lease("worker").token == second.token


def test_what_has_to_let_others_go_first_is_told_so(library: Library, bring) -> None:
    deadly, other = bring(), bring()
    for _ in range(PATIENCE):
        library.jobs.lease("worker")
    library.jobs.lease("worker")
    assert library.status(other.token).position == 0
    assert library.status(deadly.token).position == 1


@pytest.mark.parametrize(("said", "kept"), [(-0.5, 0), (0.25, 0.25), (1.5, 1)])
def test_progress_beyond_its_ends_is_taken_as_the_end(library: Library, bring, said: float, kept: float) -> None:
    photo = bring()
    library.jobs.progress(library.jobs.lease("worker"), "dreaming", said)
    assert library.status(photo.token).progress == kept


def test_progress_that_cannot_be_written_interrupts_nothing(library: Library, bring, monkeypatch) -> None:
    photo = bring()
    job = library.jobs.lease("worker")
    writer = sqlite3.connect(library.data.database, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        library.jobs.progress(job, "dreaming", 0.5)
    finally:
        writer.execute("ROLLBACK")
        writer.close()
    assert library.status(photo.token).progress == 0
    library.jobs.progress(job, "upscaling", 0.7)
    assert library.status(photo.token).progress == 0.7
    with library.writing() as connection:
        assert connection.execute("PRAGMA busy_timeout").fetchone()[0] == schema.BUSY_MILLISECONDS
