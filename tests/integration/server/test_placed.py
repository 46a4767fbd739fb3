"""Photos that are not spheres: seen where they will be while they wait, replaced by a finer one, taken home flat."""

from __future__ import annotations

import io
import zipfile

import pytest
from PIL import Image

from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.library.records import Image as Record
from kiosk.library.records import Job, Photo


@pytest.fixture(scope="module")
def library(server) -> Library:
    """The server's library, as a worker in another process opens it."""
    return Library(server.data)


def jpeg(width: int, height: int, color: str = "teal") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), color).save(buffer, "JPEG")
    return buffer.getvalue()


def bring(library: Library) -> Photo:
    """An ordinary photo."""
    return accept(library, jpeg(320, 240))


def lease(library: Library, photo: Photo) -> Job:
    """A worker's lease on this photo, the only one."""
    job = library.jobs.lease(f"worker of {photo.token}")
    assert job is not None
    assert job.token == photo.token
    return job


def finish(library: Library, photo: Photo, flat: bool = True) -> None:
    """Do the worker's part."""
    job, files = lease(library, photo), library.files(photo.token)
    for path in (files.dream, files.upscaled):
        path.write_bytes(jpeg(2048, 1024, "plum"))
    images = [Record("dream", "dream.jpg", 2048, 1024), Record("upscaled", "upscaled.jpg", 2048, 1024)]
    if flat:
        files.flat.write_bytes(jpeg(640, 480, "plum"))
        images.append(Record("flat", "flat.jpg", 640, 480))
    library.jobs.add_images(job, images)
    library.jobs.finish(job)


def test_a_placed_photo_is_shown_from_the_first_moment_and_the_finer_one_has_another_address(
    server, library: Library
) -> None:
    photo = bring(library)
    status = f"/api/photos/{photo.token}"
    told = server.get(status).json
    first = told["images"]["original"]
    assert first == f"/photos/{photo.token}/sphere.jpg"
    assert (told["kind"], told["width"], told["height"], told["images"]["flat"]) == ("view", 1024, 512, None)
    coarse = server.get(first)
    assert (coarse.status, coarse.headers["Cache-Control"]) == (200, "private, no-cache")
    job = lease(library, photo)
    library.files(photo.token).sphere.write_bytes(jpeg(2048, 1024, "plum"))
    library.jobs.add_images(job, [Record("sphere", "sphere.jpg", 2048, 1024)])
    told = server.get(status).json
    second = told["images"]["original"]
    assert (second, told["width"]) == (f"{first}?v=2", 2048)
    fine = server.get(second, {"If-None-Match": coarse.headers["ETag"]})
    assert (fine.status, fine.headers["Cache-Control"]) == (200, "private, no-cache")
    assert Image.open(io.BytesIO(fine.body)).size == (2048, 1024)
    library.jobs.finish(job)
    assert "immutable" in server.get(second).headers["Cache-Control"]
    library.remove(photo.token)


def test_a_dream_that_is_also_a_picture_can_be_taken_home_as_one(server, library: Library) -> None:
    photo = bring(library)
    finish(library, photo)
    flat = server.get(f"/api/photos/{photo.token}").json["images"]["flat"]
    assert flat == f"/photos/{photo.token}/flat.jpg"
    answer = server.get(f"{flat}?download=1")
    assert Image.open(io.BytesIO(answer.body)).size == (640, 480)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="dream-{photo.token[:6]}-picture.jpg"'
    library.remove(photo.token)
    assert server.get(flat).status == 404
    assert not library.files(photo.token).home.exists()


@pytest.mark.slow
def test_the_operator_downloads_the_flat_pictures_of_those_that_have_one(server, library: Library) -> None:
    photos = {True: bring(library)}
    finish(library, photos[True], flat=True)
    photos[False] = bring(library)
    finish(library, photos[False], flat=False)
    with zipfile.ZipFile(io.BytesIO(server.get("/operator/photos.zip").body)) as archive:
        assert archive.testzip() is None
        parts = [name.split("_", 2)[2] for name in archive.namelist()]
    newest, older = (f"{photos[flat].id}_" for flat in (False, True))
    three = ["original.jpg", "dream.jpg", "upscaled.jpg"]
    assert parts == [newest + part for part in three] + [older + part for part in [*three, "flat.jpg"]]


def test_the_answer_to_an_upload_says_what_the_photo_is_where_that_is_known(server, photo_bytes: bytes) -> None:
    assert "kind" in server.upload(photo_bytes).json
