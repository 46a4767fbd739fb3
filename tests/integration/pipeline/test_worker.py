"""The worker on a real library with real graphs: small photos, whole lives."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from kiosk.errors import BadInput, Unavailable
from kiosk.library import heartbeat
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.nets.dreaming.checkpoint import Checkpoint
from kiosk.nets.engine.compiled import openvino_installed
from kiosk.pictures.gpano import read_gpano
from kiosk.pictures.sphere_jpeg import encode_jpeg
from kiosk.pipeline.sidecar import read_sidecar
from kiosk.pipeline.worker import Worker
from kiosk.planning.precision import BOOK
from kiosk.settings import Settings
from tests.waiting import LONGEST, until

SETTINGS = Settings.model_validate({"dream": {"width": 256, "upscale": 2, "precision": "fp32", "deadline": 600}})
QUICK = {"dream": {"octaves": 2, "iterations": 2}}
LONG = {"dream": {"octaves": 2, "iterations": 60}}


def photo(seed=0, width=512, height=256):
    small = np.random.default_rng(seed).integers(0, 256, (height // 16, width // 16, 3), np.uint8)
    picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return encode_jpeg(picture, gpano=width == 2 * height)


def start_process(library, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "kiosk.ops.child", "worker"],
        env={
            **os.environ,
            "DREAMKIOSK_DATA": str(library.data.root),
            "DREAMKIOSK_SETTINGS": SETTINGS.model_dump_json(),
            **environment,
        },
    )


@pytest.mark.slow
def test_a_photo_becomes_a_dream_with_everything_a_viewer_needs(library):
    taken = accept(library, photo(), style="dogs", recipe=QUICK)
    assert Worker(library, SETTINGS).run(once=True) == 1
    status = library.status(taken.token)
    assert (status.photo.state, status.progress, status.photo.error) == ("ready", 1.0, None)
    kinds = {image.kind: image for image in status.images}
    assert set(kinds) == {"original", "preview", "dream", "upscaled", "level", "thumb"}
    files = library.files(taken.token)
    for image in status.images:
        stored = cv2.imread(str(files.public(image.name)))
        assert stored.shape == (image.height, image.width, 3), image
    upscaled = read_gpano(files.upscaled)
    assert (upscaled.full_width, upscaled.full_height, upscaled.is_full) == (512, 256, True)
    dreamed = cv2.imread(str(files.dream)).astype(int)
    original = cv2.resize(cv2.imread(str(files.original)), (256, 128), interpolation=cv2.INTER_AREA)
    assert np.abs(dreamed - original).mean() > 1, "nothing was dreamed"
    assert not files.work.exists()
    assert heartbeat.age(library.data, "worker") is not None


@pytest.mark.slow
def test_what_was_really_done_is_recorded(library):
    taken = accept(library, photo(), style="eyes", recipe=QUICK)
    Worker(library, SETTINGS).run(once=True)
    with library.reading() as connection:
        row = connection.execute("SELECT recipe FROM jobs WHERE photo_id = ?", (taken.id,)).fetchone()
    done = json.loads(row[0])
    assert done["dream"]["layers"] == [["fire6", 1.0]]
    assert (done["dream"]["precision"], done["dream"]["width"], done["dream"]["iterations"]) == ("fp32", 256, 2)
    assert done["dream"]["onnxruntime"]
    assert done["upscale"]["networks"] == ["photo"]
    speeds = json.loads((library.data.root / "speed.json").read_text())
    assert speeds["dream"]["squeezenet-fire6-fp32"] > 0
    assert speeds["upscale"]["photo-fp32"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("control", [{"strongest": 2}, {"strongest": 2, "equalized": True}])
def test_channels_of_several_layers_are_dreamed_for_guests_and_recorded(library, control):
    wished = {"layers": [["fire6", 1.0], ["conv10", 0.5]], "channels": [["conv10", 84, 1.0]], **control}
    taken = accept(library, photo(), style="eyes", recipe={"dream": QUICK["dream"] | wished})
    Worker(library, SETTINGS).run(once=True)
    status = library.status(taken.token)
    assert (status.photo.state, status.photo.error) == ("ready", None)
    recipe, _ = read_sidecar(library.files(taken.token).dream)
    assert [layer for layer, _, _ in recipe.channels] == ["conv10", "fire6", "fire6"]
    assert (recipe.strongest, recipe.equalized) == (0, control.get("equalized", False))


@pytest.mark.slow
def test_a_plain_photo_is_put_on_a_sphere_and_shown_at_once(library):
    taken = accept(library, photo(width=320, height=240), recipe=QUICK)
    Worker(library, SETTINGS).run(once=True)
    status = library.status(taken.token)
    assert status.photo.state == "ready"
    assert [(i.width, i.height) for i in status.images if i.kind == "dream"] == [(256, 128)]
    (placed,) = [image for image in status.images if image.kind == "sphere"]
    assert (placed.name, placed.width, placed.height) == ("sphere.jpg", 256, 128)
    shown = cv2.imread(str(library.files(taken.token).sphere))
    assert shown.shape == (128, 256, 3)
    view = cv2.resize(cv2.imread(str(library.files(taken.token).original)), (32, 24), interpolation=cv2.INTER_AREA)
    middle = cv2.resize(shown[44:84, 101:155], (32, 24), interpolation=cv2.INTER_AREA)
    assert np.corrcoef(view.ravel(), middle.ravel())[0, 1] > 0.5, "the photo is at the horizon, straight ahead"
    (flat,) = [image for image in status.images if image.kind == "flat"]
    taken_home = cv2.imread(str(library.files(taken.token).flat))
    assert taken_home.shape == (flat.height, flat.width, 3) == (240, 320, 3)
    recipe, _ = read_sidecar(library.files(taken.token).flat)
    assert recipe.octaves == 2
    with Image.open(library.files(taken.token).flat) as picture:
        assert b"GPano" not in picture.info.get("xmp", b""), "viewers must not take it for a sphere"


@pytest.mark.slow
def test_the_placed_photo_is_there_before_the_dream_begins(library, monkeypatch):
    from kiosk.pipeline import dreamer

    seen = []

    def look(*arguments, **options):
        seen.append({image.kind for image in library.status(taken.token).images})
        raise BadInput("enough", "enough")

    monkeypatch.setattr(dreamer, "dream_beside_kept", look)
    taken = accept(library, photo(width=320, height=240), recipe=QUICK)
    Worker(library, SETTINGS).run(once=True)
    assert seen == [{"original", "sphere", "thumb"}]


@pytest.mark.slow
def test_two_eyes_are_recognised_and_dreamed_and_the_original_stays_what_is_shown(library):
    half = cv2.imdecode(np.frombuffer(photo(width=128, height=128), np.uint8), cv2.IMREAD_COLOR)
    # It goes all around: its ends are neighbors.
    eye = np.concatenate([half, half[:, ::-1]], axis=1)
    over_under = encode_jpeg(np.concatenate([eye, np.roll(eye, 2, axis=1)])[..., ::-1].copy(), gpano=False)
    taken = accept(library, over_under, recipe=QUICK)
    assert library.photo(taken.token).stereo == "top-bottom"
    Worker(library, SETTINGS).run(once=True)
    status = library.status(taken.token)
    assert (status.photo.state, status.photo.stereo) == ("ready", "top-bottom")
    assert status.photo.is_sphere
    assert "sphere" not in {image.kind for image in status.images}
    assert [(i.width, i.height) for i in status.images if i.kind == "dream"] == [(256, 128)]
    # What is looked at is in stereo too; what is taken home is a sphere as others know it.
    levels = [image for image in status.images if image.kind == "level"]
    assert [(image.width, image.height, image.tile) for image in levels] == [(512, 512, None)]
    with Image.open(library.files(taken.token).level(512)) as level:
        left, right = np.split(np.asarray(level).astype(float), 2)
    assert 0 < np.abs(left - right).mean() < 20
    with Image.open(library.files(taken.token).upscaled) as upscaled:
        assert upscaled.size == (512, 256)


@pytest.mark.slow
def test_what_guests_take_home_says_how_it_was_dreamed(library):
    taken = accept(library, photo(), recipe=QUICK)
    Worker(library, SETTINGS).run(once=True)
    files = library.files(taken.token)
    for picture in (files.dream, files.upscaled):
        recipe, _ = read_sidecar(picture)
        assert (recipe.octaves, recipe.iterations, recipe.precision) == (2, 2, "fp32")


@pytest.mark.slow
def test_a_sphere_too_large_for_phones_is_shown_smaller(library, monkeypatch):
    monkeypatch.setattr("kiosk.sphere.place.WIDEST_SHOWN", 256)
    taken = accept(library, photo(), recipe=QUICK)
    Worker(library, SETTINGS).run(once=True)
    placed = {image.kind: image for image in library.status(taken.token).images}["sphere"]
    assert (placed.width, placed.height) == (256, 128)


def test_a_limit_of_memory_makes_the_dream_smaller_and_never_impossible(library):
    wide = {"dream": {**QUICK["dream"], "width": 4096, "iterations": 1, "octaves": 1}}
    settings = SETTINGS.model_copy(update={"dream": SETTINGS.dream.model_copy(update={"memory": 256, "upscale": 1})})
    taken = accept(library, photo(), recipe=wide)
    Worker(library, settings).run(once=True)
    status = library.status(taken.token)
    assert status.photo.state == "ready", status.photo.error
    (width,) = [image.width for image in status.images if image.kind == "dream"]
    assert 512 <= width < 2048


@pytest.mark.slow
def test_photos_are_made_in_turn(library):
    tokens = [accept(library, photo(n), recipe=QUICK).token for n in range(3)]
    assert Worker(library, SETTINGS).run(once=True) == 3
    assert {library.photo(token).state for token in tokens} == {"ready"}


@pytest.mark.slow
def test_a_style_that_is_gone_fails_with_a_sentence_and_the_next_photo_is_made(library):
    lost = accept(library, photo(), recipe=QUICK)
    with library.writing() as connection:
        connection.execute("UPDATE photos SET style = 'cubism' WHERE id = ?", (lost.id,))
    after = accept(library, photo(1), recipe=QUICK)
    Worker(library, SETTINGS).run(once=True)
    assert library.photo(lost.token).state == "failed"
    assert "style" in library.photo(lost.token).error
    assert library.photo(after.token).state == "ready"


@pytest.mark.slow
def test_a_damaged_original_fails_with_a_sentence(library):
    taken = accept(library, photo(), recipe=QUICK)
    library.files(taken.token).original.write_bytes(b"\xff\xd8 not a photo any more")
    Worker(library, SETTINGS).run(once=True)
    assert library.photo(taken.token).error == "The photo can no longer be opened. Please send it again."


@pytest.mark.slow
def test_a_temporary_fault_is_tried_again(library, monkeypatch):
    from kiosk.errors import Unavailable
    from kiosk.pipeline import make_photo, worker

    real, faults = make_photo.publish_sphere, iter([Unavailable("cannot write: disk full", "cannot_write", 507)])

    def flaky(*arguments):
        for fault in faults:
            raise fault
        return real(*arguments)

    monkeypatch.setattr(make_photo, "publish_sphere", flaky)
    monkeypatch.setattr(worker, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(worker, "LONGEST_WAIT", 0.01)
    taken = accept(library, photo(), recipe=QUICK)
    Worker(library, SETTINGS).run(once=True)
    assert library.photo(taken.token).state == "ready"


@pytest.mark.slow
def test_a_fault_that_stays_fails_with_a_sentence_in_the_end(library, monkeypatch):
    from kiosk.errors import Unavailable
    from kiosk.pipeline import make_photo, worker

    tries = []

    def broken(*_):
        tries.append(1)
        raise Unavailable("cannot write: disk full", "cannot_write", 507)

    monkeypatch.setattr(make_photo, "publish_sphere", broken)
    monkeypatch.setattr(worker, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(worker, "LONGEST_WAIT", 0.01)
    taken = accept(library, photo(), recipe=QUICK)
    Worker(library, SETTINGS).run(once=True)
    assert len(tries) == 1 + 3
    assert library.photo(taken.token).error == worker.NO_ROOM


@pytest.mark.slow
def test_a_photo_deleted_while_it_is_dreamed_leaves_nothing(library):
    taken = accept(library, photo(), recipe=LONG)
    worker = Worker(library, SETTINGS)
    thread = threading.Thread(target=worker.run, kwargs={"once": True})
    thread.start()
    files = library.files(taken.token)
    until(lambda: files.previews.is_dir() and any(files.previews.iterdir()))
    library.delete(taken.token, taken.owner_key)
    thread.join(LONGEST)
    assert not thread.is_alive()
    assert library.photo(taken.token).state == "deleted"
    assert not files.folder.exists()
    assert not files.previews.exists()


@pytest.mark.slow
def test_asked_to_stop_it_gives_the_photo_back_and_ends(library):
    taken = accept(library, photo(), recipe=LONG)
    process = start_process(library)
    until(lambda: library.status(taken.token).progress > 0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(LONGEST) == 0
    assert library.photo(taken.token).state == "waiting"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("sign", ["dream.checkpoint", "dreamed.png"], ids=["dreaming", "upscaling"])
def test_killed_in_the_middle_it_makes_the_same_picture(library, sign):
    recipe = {"dream": {"octaves": 2, "iterations": 24}}
    twin = accept(library, photo(), recipe=recipe)
    Worker(library, SETTINGS).run(once=True)
    for _ in range(5):
        taken = accept(library, photo(), recipe=recipe)
        work = library.files(taken.token).work
        process = start_process(library)
        until(lambda: (work / "1" / sign).exists() or library.photo(taken.token).state == "ready")  # noqa: B023
        process.kill()
        process.wait()
        if library.photo(taken.token).state != "ready":
            break
    else:
        pytest.fail("the photo was always ready before the worker could be killed")
    process = start_process(library)
    try:
        until(lambda: library.photo(taken.token).state == "ready")
    finally:
        process.terminate()
        process.wait(LONGEST)
    for name in ("dream", "upscaled"):
        assert digest(getattr(library.files(taken.token), name)) == digest(getattr(library.files(twin.token), name))


class Died(BaseException):
    """What ends a process, as far as what it had begun is concerned."""


def note_tiles(library, chosen):
    """Have the book say that the smallest or largest (`chosen` is min or max) of the measured tiles is the fastest."""
    path = library.data.graphs / BOOK
    book = json.loads(path.read_text())
    for key, entry in next(iter(book.values())).items():
        if key.startswith("tiles "):
            entry["fastest"] = chosen(entry["seconds"], key=lambda name: int(name.split("x")[0]) ** 2)
    path.write_text(json.dumps(book))


@pytest.mark.slow
def test_a_photo_goes_on_with_the_tiles_it_began_with_though_others_are_the_fastest_now(library, monkeypatch):
    recipe = {"dream": {"octaves": 2, "iterations": 3}}
    assert Worker(library, SETTINGS).run(once=True) == 0, "the tiles are measured at the start"
    note_tiles(library, max)
    twin = accept(library, photo(), recipe=recipe)
    Worker(library, SETTINGS).run(once=True)
    taken = accept(library, photo(), recipe=recipe)
    save = Checkpoint.save

    def die(*arguments):
        save(*arguments)
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", die)
        with pytest.raises(Died):
            Worker(library, SETTINGS).run(once=True)
    note_tiles(library, min)
    Worker(library, SETTINGS).run(once=True)
    assert digest(library.files(taken.token).dream) == digest(library.files(twin.token).dream)
    later = accept(library, photo(), recipe=recipe)
    Worker(library, SETTINGS).run(once=True)
    assert digest(library.files(later.token).dream) != digest(library.files(twin.token).dream)
    kept = [read_sidecar(library.files(one.token).dream)[0].tile for one in (twin, taken, later)]
    assert kept[0] == kept[1] != kept[2]


@pytest.mark.slow
@pytest.mark.parametrize("step", ["publish_dream", "upscale", "publish_sphere"])
def test_a_photo_is_complete_wherever_its_worker_died(library, monkeypatch, step):
    from kiosk.pipeline import make_photo

    def die(*_, **__):
        raise Died

    taken = accept(library, photo(), recipe=QUICK)
    with monkeypatch.context() as patch:
        patch.setattr(make_photo, step, die)
        with pytest.raises(Died):
            Worker(library, SETTINGS).run(once=True)
    Worker(library, SETTINGS).run(once=True)
    status = library.status(taken.token)
    assert status.photo.state == "ready"
    assert {image.kind for image in status.images} == {"original", "preview", "dream", "level", "upscaled", "thumb"}
    for image in status.images:
        assert library.files(taken.token).public(image.name).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["recipe.json", "dream.json", "dreamed.png"])
@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: b"\x9e" * 99])
def test_what_a_bad_card_damaged_is_made_again(library, monkeypatch, name, damage):
    from kiosk.pipeline import make_photo

    def die(*_, **__):
        raise Died

    twin = accept(library, photo(), recipe=QUICK)
    Worker(library, SETTINGS).run(once=True)
    taken = accept(library, photo(), recipe=QUICK)
    with monkeypatch.context() as patch:
        patch.setattr(make_photo, "publish_sphere", die)
        with pytest.raises(Died):
            Worker(library, SETTINGS).run(once=True)
    damaged = library.files(taken.token).under(1).work / name
    damaged.write_bytes(damage(damaged.read_bytes()))
    Worker(library, SETTINGS).run(once=True)
    assert library.photo(taken.token).state == "ready"
    for kind in ("dream", "upscaled"):
        assert digest(getattr(library.files(taken.token), kind)) == digest(getattr(library.files(twin.token), kind))


@pytest.mark.slow
def test_a_photo_that_another_worker_has_is_left_alone(library):
    taken = accept(library, photo(), recipe=LONG)
    worker = Worker(library, SETTINGS)
    thread = threading.Thread(target=worker.run, kwargs={"once": True})
    thread.start()
    files = library.files(taken.token)
    until(lambda: files.previews.is_dir() and any(files.previews.iterdir()))
    with library.writing() as connection:
        connection.execute("UPDATE jobs SET worker = 'another' WHERE photo_id = ?", (taken.id,))
    thread.join(LONGEST)
    assert not thread.is_alive()
    assert files.original.is_file()
    assert library.photo(taken.token).state == "dreaming"


@pytest.mark.slow
def test_progress_never_goes_back_and_the_states_come_in_order(library, monkeypatch):
    seen = []
    monkeypatch.setattr(library.jobs, "progress", lambda job, *said: seen.append(said))
    accept(library, photo(), recipe=QUICK)
    Worker(library, SETTINGS).run(once=True)
    assert list(dict.fromkeys(state for state, _, _ in seen)) == ["dreaming", "upscaling", "publishing"]
    fractions = [fraction for _, fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] < 1
    assert all(eta >= 0 for _, _, eta in seen)


@pytest.mark.slow
def test_a_recipe_of_another_version_is_planned_again(library):
    taken = accept(library, photo(), recipe=QUICK)
    work = library.files(taken.token).under(1).work
    work.mkdir(parents=True)
    (work / "recipe.json").write_text('{"dream": {"kernel": 5}, "upscale": {}}')
    Worker(library, SETTINGS).run(once=True)
    assert library.photo(taken.token).state == "ready"


@pytest.mark.slow
@pytest.mark.skipif(not openvino_installed(), reason="OpenVINO is not installed")
def test_where_openvino_fails_onnx_runtime_enlarges_and_that_is_recorded(library, monkeypatch):
    from kiosk.nets.enlarging import waifu2x
    from kiosk.planning import upscale_precision

    def broken(*_, **__):
        raise Unavailable("OpenVINO cannot open the graph", "graph")

    monkeypatch.setattr(upscale_precision, "_times", lambda _, paths, __: {way: way[1] != "openvino" for way in paths})
    monkeypatch.setattr(waifu2x, "CompiledGraph", broken)
    settings = SETTINGS.model_copy(update={"dream": SETTINGS.dream.model_copy(update={"precision": "int8"})})
    taken = accept(library, photo(), recipe={"dream": {"octaves": 1, "iterations": 1}})
    Worker(library, settings).run(once=True)
    with library.reading() as connection:
        row = connection.execute("SELECT recipe FROM jobs WHERE photo_id = ?", (taken.id,)).fetchone()
    done = json.loads(row[0])["upscale"]
    assert library.photo(taken.token).state == "ready"
    assert (done["engine"], done["precision"]) == ("onnxruntime", "int8")


@pytest.mark.slow
def test_an_empty_dream_is_never_published(library, monkeypatch):
    from dataclasses import replace

    from kiosk.pipeline import dreamer, worker

    real = dreamer.dream_beside_kept

    def black(*arguments, **options):
        result = real(*arguments, **options)
        return replace(result, picture=np.zeros_like(result.picture))

    monkeypatch.setattr(dreamer, "dream_beside_kept", black)
    monkeypatch.setattr(worker, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(worker, "LONGEST_WAIT", 0.01)
    taken = accept(library, photo(), recipe={"dream": {"octaves": 1, "iterations": 1}})
    Worker(library, SETTINGS).run(once=True)
    assert library.photo(taken.token).error == worker.NOT_NOW
    assert not library.files(taken.token).dream.exists()


@pytest.mark.slow
def test_previews_of_old_photos_make_room_for_new_ones(library):
    from kiosk.pipeline.previews import prune

    first, second = (accept(library, photo(n), recipe=QUICK) for n in range(2))
    Worker(library, SETTINGS).run(once=True)
    os.utime(library.files(first.token).previews, (1, 1))
    prune(library, keep=1)
    kinds = [image.kind for image in library.status(first.token).images]
    assert "preview" not in kinds
    assert not library.files(first.token).previews.exists()
    assert library.photo(second.token).state == "ready"


@pytest.mark.slow
def test_two_workers_do_not_steal_each_others_photos(library):
    """Each is made once, under one lease, though both workers run on the same library all the time."""
    tokens = [accept(library, photo(n), recipe=QUICK).token for n in range(4)]
    with Library(library.data) as other:
        workers = [Worker(library, SETTINGS), Worker(other, SETTINGS)]
        assert workers[0].name != workers[1].name
        threads = [threading.Thread(target=worker.run, kwargs={"once": True}) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONGEST)
    assert {library.photo(token).state for token in tokens} == {"ready"}
    with library.reading() as connection:
        assert [row[0] for row in connection.execute("SELECT fence FROM jobs")] == [1, 1, 1, 1]


@pytest.mark.slow
def test_a_worker_that_woke_up_late_leaves_no_trace_in_a_photo_that_is_ready(library, monkeypatch):
    from kiosk.pipeline import make_photo

    taken = accept(library, photo(), recipe=QUICK)
    files = library.files(taken.token)
    asleep, awake = threading.Event(), threading.Event()
    real = make_photo.publish_sphere

    def doze(*arguments):
        if threading.current_thread() is slow:
            asleep.set()
            assert awake.wait(LONGEST)
        return real(*arguments)

    monkeypatch.setattr(make_photo, "publish_sphere", doze)
    with Library(library.data) as own:
        slow = threading.Thread(target=Worker(own, SETTINGS).run, kwargs={"once": True})
        slow.start()
        assert asleep.wait(LONGEST)
        with library.writing() as connection:
            connection.execute("UPDATE jobs SET lease_until = -1")
        Worker(library, SETTINGS).run(once=True)
        before = {path: path.stat().st_mtime_ns for path in files.home.rglob("*")}
        assert library.photo(taken.token).state == "ready"
        awake.set()
        slow.join(LONGEST)
    assert {path: path.stat().st_mtime_ns for path in files.home.rglob("*")} == before
    assert library.photo(taken.token).state == "ready"


@pytest.mark.slow
def test_faults_of_one_photo_are_not_counted_against_another(library, monkeypatch):
    from kiosk.pipeline import make_photo, worker

    real, unlucky = make_photo.read_sphere, accept(library, photo(), recipe=QUICK)
    lucky = accept(library, photo(1), recipe=QUICK)
    once = iter([Unavailable("busy", "busy")])

    def faulty(original, *others):
        if original == library.files(unlucky.token).original.read_bytes():
            raise Unavailable("the disk sleeps", "busy")
        for fault in once:
            raise fault
        return real(original, *others)

    monkeypatch.setattr(make_photo, "read_sphere", faulty)
    monkeypatch.setattr(worker, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(worker, "LONGEST_WAIT", 0.01)
    Worker(library, SETTINGS).run(once=True)
    assert library.photo(unlucky.token).state == "failed"
    assert library.photo(lucky.token).state == "ready"


@pytest.mark.slow
def test_what_cannot_be_tidied_up_after_a_photo_does_not_touch_it(library, monkeypatch, caplog):
    from kiosk.pipeline import worker

    def broken(_):
        raise PermissionError(13, "no")

    monkeypatch.setattr(worker, "prune", broken)
    taken = [accept(library, photo(n), recipe=QUICK).token for n in range(2)]
    assert Worker(library, SETTINGS).run(once=True) == 2
    assert {library.photo(token).state for token in taken} == {"ready"}
    assert "lease" not in caplog.text


@pytest.mark.slow
def test_a_preview_that_cannot_be_announced_costs_the_dream_nothing(library, monkeypatch):
    real = library.jobs.add_images

    def busy(job, images, put=None):
        if images[0].kind == "preview":
            raise Unavailable("The kiosk is busy.", "busy")
        real(job, images, put)

    monkeypatch.setattr(library.jobs, "add_images", busy)
    taken = accept(library, photo(), recipe=QUICK)
    Worker(library, SETTINGS).run(once=True)
    with library.reading() as connection:
        assert connection.execute("SELECT fence FROM jobs").fetchone()[0] == 1, "it was not begun again"
    assert library.photo(taken.token).state == "ready"
    assert not any(library.files(taken.token).previews.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(not openvino_installed(), reason="OpenVINO is not installed")
def test_a_full_disk_is_not_taken_for_a_fault_of_openvino(library, monkeypatch):
    from kiosk.nets.engine import fallbacks
    from kiosk.pipeline import make_photo, worker
    from kiosk.planning import upscale_precision

    tried = []

    def full(_, recipe, *__, **___):
        tried.append(recipe.engine)
        raise Unavailable("cannot write: no space left on device", "cannot_write", 507)

    monkeypatch.setattr(upscale_precision, "_times", lambda _, paths, __: {way: way[1] != "openvino" for way in paths})
    monkeypatch.setattr(make_photo, "upscale", full)
    monkeypatch.setattr(worker, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(worker, "LONGEST_WAIT", 0.01)
    fallbacks.take()
    settings = SETTINGS.model_copy(update={"dream": SETTINGS.dream.model_copy(update={"precision": "int8"})})
    taken = accept(library, photo(), recipe={"dream": {"octaves": 1, "iterations": 1}})
    Worker(library, settings).run(once=True)
    assert set(tried) == {"openvino"}
    assert "openvino" not in fallbacks.take()
    assert library.photo(taken.token).error == worker.NO_ROOM


@pytest.mark.slow
def test_a_raw_error_of_a_full_disk_is_told_as_one(library, monkeypatch):
    from kiosk.pipeline import make_photo, worker

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(make_photo, "publish_sphere", full)
    monkeypatch.setattr(worker, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(worker, "LONGEST_WAIT", 0.01)
    taken = accept(library, photo(), recipe=QUICK)
    Worker(library, SETTINGS).run(once=True)
    assert library.photo(taken.token).error == worker.NO_ROOM


@pytest.mark.slow
def test_a_photo_that_takes_too_much_memory_fails_at_once_and_the_next_is_made(library, monkeypatch):
    from kiosk.library.upkeep import overuse
    from kiosk.pipeline import make_photo

    tries, real, large = [], make_photo.read_sphere, accept(library, photo(), recipe=QUICK)

    def hungry(original, *others):
        if original == library.files(large.token).original.read_bytes():
            tries.append(1)
            np.empty(1 << 62, np.uint8)
        return real(original, *others)

    monkeypatch.setattr(make_photo, "read_sphere", hungry)
    after = accept(library, photo(1), recipe=QUICK)
    Worker(library, SETTINGS).run(once=True)
    assert len(tries) == 1
    assert (library.photo(large.token).error, library.photo(large.token).error_code) == (overuse.TOO_LARGE, "memory")
    assert library.photo(after.token).state == "ready"


@pytest.mark.slow
def test_a_photo_that_a_worker_was_killed_over_for_its_memory_fails_and_others_go_on(library):
    from kiosk.library.upkeep import overuse

    killed, interrupted = (accept(library, photo(n), recipe=QUICK) for n in range(2))
    library.jobs.lease("worker-123-abc", seconds=1e9)
    library.jobs.lease("worker-1234-abc", seconds=-1)
    overuse.note_killed(library.data, 123)
    Worker(library, SETTINGS).run(once=True)
    assert (library.photo(killed.token).state, library.photo(killed.token).error) == ("failed", overuse.TOO_LARGE)
    assert library.photo(interrupted.token).state == "ready"
    assert not list(library.data.runtime.glob("*.overuse"))


@pytest.mark.slow
def test_what_had_to_be_done_otherwise_is_shown(library, monkeypatch):
    from kiosk.library import notices
    from kiosk.nets.engine import prepared

    monkeypatch.setattr(prepared, "LEAST_FREE", 1 << 62)
    shutil.rmtree(library.data.graphs / prepared.FOLDER, ignore_errors=True)
    accept(library, photo(), recipe=QUICK)
    Worker(library, SETTINGS).run(once=True)
    (notice,) = [notice for notice in notices.said(library.data) if "disk" in notice]
    assert "nearly full" in notice
