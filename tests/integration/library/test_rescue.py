"""A damaged database: the file is set aside, and the database is rebuilt from the photos' folders."""

from __future__ import annotations

import io
import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from kiosk.errors import Unavailable
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.library.records import Image as Record
from kiosk.library.upkeep.rescue import rescue
from kiosk.library.upkeep.sweep import sweep
from kiosk.pictures.gpano import gpano_xmp, with_xmp
from kiosk.pipeline import levels, publish
from kiosk.settings import Retention
from kiosk.storage import DataFolder


def jpeg(width: int = 512, height: int = 256) -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((width, height)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def tokens(data: DataFolder, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """The data folder of a library with one ready photo and one half-dreamed photo."""
    monkeypatch.setattr(levels, "LARGEST_WHOLE", 1024)  # so that a small sphere has tiles
    sphere = np.zeros((1024, 2048, 3), np.uint8)
    with Library(data, Retention(hours=24)) as library:
        accept(library, jpeg(), style="eyes")
        job = library.jobs.lease("worker")
        assert job is not None
        files = library.files(job.token)
        images = [publish.publish_dream(files, sphere[:512, :1024], "eyes"), publish.publish_original(files, sphere)]
        files.flat.write_bytes(jpeg(640, 480))
        images.append(Record("flat", "flat.jpg", 640, 480))
        library.jobs.add_images(job, [*images, *publish.publish_sphere(files, sphere, "eyes")])
        library.jobs.finish(job)
        accept(library, jpeg(320, 240))
        half = library.jobs.lease("worker")
        assert half is not None
        library.files(half.token).work.mkdir(exist_ok=True)
        library.files(half.token).dream.write_bytes(jpeg())
        library.files(half.token).sphere.write_bytes(jpeg(1024, 512))
        return job.token, half.token


def damage(data: DataFolder) -> bytes:
    rubbish = os.urandom(20_000)
    data.database.write_bytes(rubbish)
    return rubbish


@pytest.mark.slow
def test_finished_dreams_are_there_again_and_others_are_dreamed_once_more(
    data: DataFolder, tokens: tuple[str, str]
) -> None:
    ready, half = tokens
    with Library(data) as library:
        before = library.status(ready)
    rubbish = damage(data)
    with pytest.raises(Unavailable, match="dreamkiosk run"):
        Library(data)
    rescued = rescue(data, Retention(hours=24))
    assert rescued is not None
    assert (rescued.photos, rescued.ready) == (2, 1)
    assert rescued.kept is not None
    assert rescued.kept.read_bytes() == rubbish
    assert rescued.kept.parent == data.root
    with Library(data, Retention(hours=24)) as library:
        after = library.status(ready)
        assert set(after.images) == {replace(image, version=1) for image in before.images}
        assert {image.overlap for image in after.images if image.tile} == {4}
        assert (after.photo.state, after.photo.style, after.progress) == ("ready", "eyes", 1)
        assert abs(after.photo.expires - before.photo.expires) < 60
        assert sweep(library).debris == 0
        assert library.status(ready).images == after.images
        job = library.jobs.lease("worker")
        assert job is not None
        assert job.token == half
        assert [image.kind for image in library.status(half).images] == ["original", "thumb", "sphere"]
        assert (job.width, job.height) == (320, 240)
    assert rescue(data) is None, "once is enough"


def test_a_database_that_was_moved_away_costs_no_photo(data: DataFolder, tokens: tuple[str, str]) -> None:
    for path in data.root.glob("library.sqlite*"):
        path.unlink()
    rescued = rescue(data)
    assert rescued is not None
    assert (rescued.kept, rescued.photos, rescued.ready) == (None, 2, 1)


def test_a_sound_library_is_left_as_it_is(data: DataFolder, tokens: tuple[str, str]) -> None:
    orphan = data.photos / ("A" * 22)
    orphan.mkdir()
    (orphan / "original.jpg").write_bytes(jpeg())
    assert rescue(data) is None
    with Library(data) as library:
        assert len(library.everything()) == 2


def test_an_empty_data_folder_needs_no_rescue(data: DataFolder) -> None:
    assert rescue(data) is None


def test_folders_without_a_photo_are_left_to_the_sweep(data: DataFolder, tokens: tuple[str, str]) -> None:
    for name, content in (("B" * 22, b"no picture"), ("C" * 22, b"")):
        (data.photos / name).mkdir()
        (data.photos / name / "original.jpg").write_bytes(content)
    damage(data)
    rescued = rescue(data)
    assert rescued is not None
    assert rescued.photos == 2
    with Library(data) as library:
        assert sweep(library).debris == 2


def test_a_database_of_a_newer_version_is_not_touched(data: DataFolder, tokens: tuple[str, str]) -> None:
    import sqlite3

    with sqlite3.connect(data.database) as connection:
        connection.execute("PRAGMA user_version = 1000")
    with pytest.raises(Unavailable, match="newer"):
        rescue(data)


def test_the_kiosk_says_at_its_start_what_it_found(data: DataFolder, tokens: tuple[str, str], capsys) -> None:
    from kiosk.cli.run import rescue_photos
    from kiosk.settings import Settings

    rescue_photos(data, Settings())
    assert capsys.readouterr().err == ""
    damage(data)
    rescue_photos(data, Settings())
    said = capsys.readouterr().err
    assert "library.damaged-" in said
    assert "2 photos, 1 of them ready" in said


@pytest.mark.parametrize("said", ["top-bottom", "top_bottom", "over-under", "Over-Under", "left-right", "mono"])
def test_a_stereo_photo_is_one_after_the_rescue_too(data: DataFolder, said: str) -> None:
    square = jpeg(256, 256)
    photo = with_xmp(square, gpano_xmp(256, 256, **{"GPano:StereoMode": said}))
    with Library(data) as library:
        before = accept(library, photo)
    assert before.stereo == ("top-bottom" if said not in ("left-right", "mono") else None)
    damage(data)
    assert rescue(data) is not None
    with Library(data) as library:
        assert library.photo(before.token).stereo == before.stereo


def test_two_eyes_that_the_worker_found_are_found_again(data: DataFolder) -> None:
    eye = np.zeros((512, 1024, 3), np.uint8)
    with Library(data) as library:
        token = accept(library, jpeg(256, 256)).token
        job = library.jobs.lease("worker")
        assert job is not None
        library.jobs.say_stereo(job, "top-bottom")
        files = library.files(token)
        images = [publish.publish_dream(files, eye, "eyes")]
        library.jobs.add_images(job, [*images, *publish.publish_sphere(files, eye, "eyes", right_eye=eye)])
        library.jobs.finish(job)
        before = library.status(token)
    assert before.photo.stereo == "top-bottom"
    damage(data)
    assert rescue(data) is not None
    with Library(data) as library:
        after = library.status(token)
    assert after.photo.stereo == "top-bottom"
    assert set(after.images) == set(before.images)
