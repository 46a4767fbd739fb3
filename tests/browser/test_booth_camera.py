"""The big screen and its camera: a tap belongs to its photo, and what is gone is gone from the screen."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kiosk.library import shutter
from kiosk.library.intake import accept
from kiosk.library.records import Photo
from kiosk.pictures.sphere_jpeg import encode_jpeg
from kiosk.storage import DataFolder
from tests.waiting import until

pytestmark = pytest.mark.browser

BIG = (1280, 720)
SOON = 5.0
"""Seconds within which a busy machine takes from the screen what is gone; one at rest takes less than 2."""


@pytest.fixture
def server(start_server: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A kiosk whose camera is the test: it takes photos by the same requests as the camera's process."""
    data = DataFolder(tmp_path_factory.mktemp("booth") / "data").prepare()
    data.settings.write_text('[capture]\nsource = "virtual"\n', encoding="utf-8")
    return start_server(data)


@pytest.fixture
def gallery(server: Any, gallery_of: Callable[..., Any]) -> Any:
    return gallery_of(server)


@pytest.fixture
def booth(screen: Callable[..., Any], gallery: Any) -> Any:
    page = screen(BIG).open("/booth")
    page.page.locator("#open-code").wait_for()
    return page


def tap(page: Any) -> None:
    page.page.get_by_role("button", name="Take a photo").click()


def expose(gallery: Any, sphere: Callable[..., np.ndarray]) -> Photo:
    """Be the camera: take the photo that was asked for."""
    asked = until(lambda: shutter.take(gallery.library.data), "nobody asked for a photo")
    photo = accept(gallery.library, encode_jpeg(sphere("original"), 95, gpano=True), origin="camera", asked=asked)
    shutter.done(gallery.library.data)
    return photo


def lease(gallery: Any, token: str) -> Any:
    """The job of this photo; others that are in the way stay with workers who do nothing."""
    while True:
        job = gallery.library.jobs.lease(f"test {secrets.token_hex(4)}", seconds=600)
        if job.token == token:
            return job


def dark(page: Any) -> bool:
    return bool(page.center().max() < 40)


def code(page: Any) -> str:
    """What the code on the screen leads to; empty where none is in sight."""
    image = page.page.locator("#open-code")
    if not image.is_visible():
        return ""
    return image.get_attribute("src").split("/")[2].split(".svg")[0]


def test_a_tap_gets_its_own_photo_whoever_else_is_in_the_queue(
    booth: Any, gallery: Any, sphere: Callable[..., np.ndarray]
) -> None:
    old = gallery.ready()
    before = gallery.bring()
    assert booth.waits(lambda: code(booth) == old.token)
    tap(booth)
    booth.page.get_by_text("Your code comes in a moment").wait_for()
    assert code(booth) == "", "a stranger's code, while the guest waits for the own one"
    between = gallery.bring()
    # The screen has heard of the other photo, and still waits.
    booth.page.get_by_text("2 photos waiting").wait_for()
    assert code(booth) == ""
    own = expose(gallery, sphere)
    assert booth.waits(lambda: code(booth) == own.token)
    assert own.token not in (before.token, between.token)
    booth.page.get_by_text("Scan to take your dream with you").wait_for()
    assert booth.page.get_by_role("button", name="Take a photo").is_disabled()
    gallery.finish(lease(gallery, own.token))
    booth.page.get_by_role("button", name="Take a photo", disabled=False).wait_for()
    assert code(booth) == own.token


def test_a_camera_that_cannot_says_so_and_the_screen_goes_on(booth: Any, gallery: Any) -> None:
    old = gallery.ready()
    assert booth.waits(lambda: code(booth) == old.token)
    tap(booth)
    booth.page.get_by_text("Your code comes in a moment").wait_for()
    asked = shutter.take(gallery.library.data)
    shutter.refuse(gallery.library.data, asked, "camera", "The camera is not ready at the moment.")
    booth.page.locator("#caption").get_by_text("The camera is not ready").wait_for()
    assert booth.waits(lambda: code(booth) == old.token)
    booth.page.get_by_role("button", name="Take a photo", disabled=False).wait_for()


def test_the_only_photo_that_is_deleted_leaves_the_screen(booth: Any, gallery: Any) -> None:
    photo = gallery.ready()
    booth.style("header,footer,#panel,#veil{opacity:0}")
    light = booth.expected("upscaled", field=np.deg2rad(100))
    assert booth.waits(lambda: np.abs(booth.picture() - light).mean() < 5)
    gallery.library.remove(photo.token)
    assert booth.waits(lambda: code(booth) == "kiosk", SOON)
    assert booth.waits(lambda: dark(booth), SOON)
    assert booth.page.locator("#caption").inner_text() == "No dreams yet. Be the first."


def test_the_own_photo_that_is_deleted_while_it_dreams_leaves_the_screen(
    booth: Any, gallery: Any, sphere: Callable[..., np.ndarray]
) -> None:
    tap(booth)
    own = expose(gallery, sphere)
    job = lease(gallery, own.token)
    gallery.preview(job, 1)
    assert booth.waits(lambda: code(booth) == own.token)
    booth.style("header,footer,#panel,#veil{opacity:0}")
    assert booth.waits(lambda: not dark(booth))
    gallery.library.remove(own.token)
    assert booth.waits(lambda: code(booth) == "kiosk" and dark(booth), SOON)
    booth.page.get_by_role("button", name="Take a photo", disabled=False).wait_for()


def test_an_older_photo_that_is_deleted_makes_room_for_the_newer(
    booth: Any, gallery: Any, sphere: Callable[..., np.ndarray]
) -> None:
    tap(booth)
    own = expose(gallery, sphere)
    gallery.finish(lease(gallery, own.token))
    booth.page.get_by_role("button", name="Take a photo", disabled=False).wait_for()
    newer = gallery.ready()
    assert code(booth) == own.token, "the guest has time to scan"
    gallery.library.remove(own.token)
    assert booth.waits(lambda: code(booth) == newer.token, SOON)


def test_a_folder_cannot_be_asked_so_there_is_no_button(
    screen: Callable[..., Any], start_server: Callable[..., Any], tmp_path: Path
) -> None:
    data = DataFolder(tmp_path / "data").prepare()
    data.settings.write_text(f'[capture]\nsource = "folder"\nfolder = "{tmp_path}"\n', encoding="utf-8")
    page = screen(BIG, base=f"http://127.0.0.1:{start_server(data).port}").open("/booth")
    page.page.locator("#open-code").wait_for()
    assert not page.page.locator("#take").is_visible()
