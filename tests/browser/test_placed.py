"""An ordinary photo: seen where it will be while it waits, ever finer, and taken home as the picture that it was."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kiosk.library import schema
from kiosk.library.intake import accept
from kiosk.library.records import Image as Record
from kiosk.library.records import Job, Photo
from kiosk.pictures.sphere_jpeg import encode_jpeg
from kiosk.pictures.tags import NO_TAGS
from kiosk.pipeline.publish import publish_dream, publish_sphere
from kiosk.sphere.deciding import decide
from kiosk.sphere.placement import put
from tests.browser.pressing import pressable
from tests.portrait import SKIN, portrait

pytestmark = pytest.mark.browser

GREEN, BLUE = (30, 110, 60), (40, 60, 150)
"""The world around the photo, at first and when it is finer."""
FACE = np.array(SKIN, float)
DREAMED = (200, 40, 160)


def placed(picture: np.ndarray, width: int, world: tuple[int, int, int]) -> np.ndarray:
    sphere, covered = put(picture, decide(picture, NO_TAGS), width)
    sphere[~covered] = world
    return sphere


class Guest:
    """Brings a portrait, and does with it what intake and worker do."""

    def __init__(self, gallery: Any) -> None:
        self.gallery, self.library = gallery, gallery.library
        self.picture = portrait(768)
        self.photo: Photo = accept(self.library, encode_jpeg(self.picture, 95, gpano=False), style=None)
        self.files = self.library.files(self.photo.token)
        place = json.dumps(asdict(decide(self.picture, NO_TAGS)))
        with self.library.writing() as connection:
            connection.execute("UPDATE photos SET place = ? WHERE id = ?", (place, self.photo.id))
            schema.insert_images(connection, self.photo.id, [self._show(1024, GREEN)])

    @cached_property
    def job(self) -> Job:
        """The worker's lease; other photos of the module are before it in the queue."""
        while (job := self.gallery.lease()).token != self.photo.token:
            self.library.jobs.fail(job, "left behind", "failed")
        return job

    def _show(self, width: int, world: tuple[int, int, int]) -> Record:
        self.files.sphere.write_bytes(encode_jpeg(placed(self.picture, width, world), 92, gpano=True))
        return Record("sphere", "sphere.jpg", width, width // 2)

    def refine(self) -> None:
        """A finer sphere takes the place of the first one."""
        self.library.jobs.add_images(self.job, [self._show(2048, BLUE)])

    def finish(self) -> None:
        """Sphere and picture are dreamed."""
        dream = np.full((1024, 2048, 3), DREAMED, np.uint8)
        images = [publish_dream(self.files, dream[::2, ::2], "test"), *publish_sphere(self.files, dream, "test")]
        self.files.flat.write_bytes(encode_jpeg(dream[:600, :800], 92, gpano=False))
        self.library.jobs.add_images(self.job, [*images, Record("flat", "flat.jpg", 800, 600)])
        self.library.jobs.finish(self.job)


@pytest.fixture
def guest(gallery: Any) -> Guest:
    return Guest(gallery)


def test_a_photo_hangs_where_it_will_be_while_it_waits_and_becomes_finer_without_a_flicker(
    screen: Callable[..., Any], guest: Guest
) -> None:
    page = screen().open(f"/v/{guest.photo.token}#0,0")
    page.page.get_by_role("heading", name="You are").wait_for()
    page.page.get_by_text("your photo is where it will be").wait_for()
    page.bare()
    assert page.waits(lambda: np.abs(page.center() - FACE).max() < 12), "the face is straight ahead"
    frames = page.record()
    # Behind the guest is the world.
    ahead = page.picture()
    page.page.evaluate("location.hash = '180,0'")
    assert page.waits(lambda: np.abs(page.picture() - GREEN).max() < 12)
    page.page.evaluate("location.hash = '0,0'")
    assert page.waits(lambda: np.abs(page.picture() - ahead).mean() < 2)
    count = len(frames())
    guest.refine()
    edge = page.page.viewport_size["width"] // 2
    # Above the photo.
    assert page.waits(lambda: np.abs(page.picture()[4, edge] - BLUE).max() < 14), page.picture()[4, edge]
    assert np.abs(page.center() - FACE).max() < 12
    assert page.page.locator("#brought.on").count() == 0
    width = page.page.evaluate("""async () => {
      const { app } = await import("/static/viewer/state.js");
      return app.stage.textures.textured("original").texture.width;
    }""")
    assert width == 2048
    assert len(frames()) > count
    assert np.abs(frames()[count:] - FACE).max() < 16, "something else was seen in between"
    guest.library.jobs.fail(guest.job, "done with it")


def test_a_portrait_that_a_guest_sends_is_in_front_of_them_as_soon_as_it_is_there(
    screen: Callable[..., Any], gallery: Any, tmp_path: Path
) -> None:
    """Brought by hand, taken in by the kiosk itself, while no worker has seen it."""
    (tmp_path / "selfie.jpg").write_bytes(encode_jpeg(portrait(768), 92, gpano=False))
    page = screen().open("/")
    page.page.locator("#photo").set_input_files(tmp_path / "selfie.jpg")
    page.page.get_by_text("It will hang in front of you").wait_for()
    page.page.get_by_role("button", name="Dream it").click()
    page.page.wait_for_url("**/v/*")
    page.page.get_by_text("your photo is where it will be").wait_for()
    page.bare()
    assert page.waits(lambda: np.abs(page.center() - FACE).max() < 12)
    status = gallery.library.status(page.page.url.rsplit("/", 1)[1])
    assert (status.photo.kind, status.progress) == ("view", 0)
    gallery.library.remove(status.photo.token)


def test_the_finer_one_is_seen_without_webgl_too(screen: Callable[..., Any], guest: Guest) -> None:
    page = screen().open(f"/v/{guest.photo.token}?webgl=0#0,0")
    page.page.get_by_text("your photo is where it will be").wait_for()
    page.bare().style("#no-sphere{opacity:0}")
    assert page.waits(lambda: np.abs(page.center() - FACE).max() < 12)
    guest.refine()
    assert page.waits(lambda: np.abs(page.picture()[4, 4] - BLUE).max() < 14)
    guest.library.jobs.fail(guest.job, "done with it")


def test_a_photo_in_sight_is_neither_dimmed_nor_covered(screen: Callable[..., Any], guest: Guest) -> None:
    for size in ((390, 844), (1280, 800)):
        page = screen(size).open(f"/v/{guest.photo.token}#0,0")
        page.page.get_by_text("your photo is where it will be").wait_for()
        assert page.waits(lambda: np.abs(page.center() - FACE).max() < 12), size  # noqa: B023
        sentence = page.page.locator("#sentence").bounding_box()
        assert sentence["y"] + sentence["height"] < 0.42 * size[1]
    guest.library.jobs.fail(guest.job, "This photo is too dark to dream.")
    page.page.get_by_role("heading", name="This photo could not be dreamed").wait_for()
    assert page.waits(lambda: np.abs(page.center() - FACE).max() > 40), "behind the reason it is dim"


def saved(page: Any, name: str) -> tuple[Image.Image, str]:
    """The picture that a link saves, and its file name."""
    with page.page.expect_download() as download:
        page.page.get_by_role("link", name=name, exact=True).click()
    data = Path(download.value.path()).read_bytes()
    return Image.open(io.BytesIO(data)), download.value.suggested_filename


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_a_dreamed_photo_is_taken_home_as_a_picture_or_as_a_sphere(
    screen: Callable[..., Any], guest: Guest, locale: str
) -> None:
    picture, sphere, take = {
        "en-GB": ("As a picture", "As a 360 photo", "Take home"),
        "de-DE": ("Als Bild", "Als 360-Grad-Foto", "Mitnehmen"),
    }[locale]
    guest.finish()
    page = screen(locale=locale).open(f"/v/{guest.photo.token}")
    page.page.locator("#keep").wait_for()
    before = pressable(page.page)
    page.page.get_by_role("button", name=take).click()
    page.page.get_by_role("dialog").wait_for()
    links = page.page.get_by_role("dialog").get_by_role("link").all_inner_texts()
    assert links == [picture, sphere], "the picture first: messengers show it as it is"
    assert len(pressable(page.page) - before) == 5, "and Close, Save this view, and Share"
    flat, name = saved(page, picture)
    assert (flat.size, name) == ((800, 600), f"dream-{guest.photo.token[:6]}-picture.jpg")
    whole, name = saved(page, sphere)
    assert (whole.size, name) == ((2048, 1024), f"dream-{guest.photo.token[:6]}.jpg")
    assert b"equirectangular" in whole.info["xmp"]


def test_a_browser_without_modules_shows_the_dreamed_photo_whole(screen: Callable[..., Any], guest: Guest) -> None:
    """As it would be there: modules are not run, scripts for those without are."""
    guest.finish()
    page = screen()
    page.page.route("**/viewer/first.js", lambda route: route.abort())
    page.open(f"/v/{guest.photo.token}")
    page.page.add_script_tag(url=page.page.locator("script[nomodule]").get_attribute("src"))
    page.bare()
    assert page.waits(lambda: np.abs(page.center() - DREAMED).max() < 8)
    shown = np.abs(page.picture() - DREAMED).max(axis=-1) < 8
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    assert len(columns) / len(rows) == pytest.approx(800 / 600, rel=0.02)
    assert len(columns) == page.page.viewport_size["width"]
