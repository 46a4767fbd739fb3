"""Where guests arrive: a photo goes up, and the guest stands in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.heic import heic

pytestmark = pytest.mark.browser

# As the windows name themselves that phones open on joining a Wi-Fi.
CAPTIVE = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 14; Pixel 7 Build/UQ1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/131.0.0.0 Mobile Safari/537.36",
]


def test_a_photo_is_brought_and_the_guest_stands_in_it(
    screen: Callable[..., Any], gallery: Any, server: Any, tmp_path: Path, sphere_file: Path
) -> None:
    page = screen().open("/")
    page.page.locator("#photo").set_input_files(sphere_file)
    page.page.get_by_role("radio").first.wait_for(state="attached")
    page.page.get_by_role("button", name="Dream it").click()
    page.page.wait_for_url("**/v/*")
    page.bare()
    page.page.locator("canvas").wait_for()
    # Without a shared link's angle the photo turns, slowly, unless less motion is asked for, as here.
    page.shows("original")
    token = page.page.url.rsplit("/", 1)[1]
    keys = page.page.evaluate("JSON.parse(localStorage.getItem('dreamkiosk.owner'))")
    assert len(keys[token]) > 20
    # The same phone may delete it.
    gallery.finish(gallery.lease())
    page.page.get_by_role("radio", name="Enlarged", checked=True).wait_for()
    page.page.get_by_role("button", name="Take home").click()
    page.page.get_by_role("button", name="Delete my photo").click()
    page.page.get_by_role("button", name="Really delete?").click()
    page.page.get_by_role("heading", name="Your photo is deleted").wait_for()
    assert page.page.locator("#dock").is_hidden()
    assert server.get(f"/api/photos/{token}").status == 404


def test_a_file_that_is_no_photo_gets_the_kiosks_sentence(screen: Callable[..., Any], tmp_path: Path) -> None:
    wrong = tmp_path / "notes.jpg"
    wrong.write_text("not a picture")
    page = screen().open("/")
    page.page.locator("#photo").set_input_files(wrong)
    page.page.get_by_role("button", name="Dream it").click()
    alert = page.page.get_by_role("alert")
    assert page.waits(lambda: len(alert.inner_text()) > 10)
    assert page.page.get_by_role("button", name="Dream it").is_visible()


def test_somebody_elses_photo_cannot_be_deleted_from_here(screen: Callable[..., Any], ready: str) -> None:
    page = screen().open(f"/v/{ready}")
    page.page.get_by_role("button", name="Take home").click()
    page.page.get_by_role("link", name="Save the picture").wait_for()
    assert page.page.get_by_role("button", name="Delete my photo").count() == 0


def test_the_saved_picture_is_the_enlarged_dream_with_its_360_tags(screen: Callable[..., Any], ready: str) -> None:
    page = screen().open(f"/v/{ready}")
    page.page.get_by_role("button", name="Take home").click()
    with page.page.expect_download() as download:
        page.page.get_by_role("link", name="Save the picture").click()
    data = Path(download.value.path()).read_bytes()
    assert data[:2] == b"\xff\xd8"
    assert b"equirectangular" in data
    assert download.value.suggested_filename.endswith(".jpg")


def test_the_latest_dreams_hang_on_the_wall(screen: Callable[..., Any], ready: str) -> None:
    page = screen().open("/")
    picture = page.page.locator(f'#gallery a[href="/v/{ready}"] img')
    picture.wait_for(state="attached")
    picture.scroll_into_view_if_needed()
    assert page.waits(lambda: picture.evaluate("image => image.naturalWidth") > 0)
    box = picture.bounding_box()
    seen = page.picture()[int(box["y"]) + 10 : int(box["y"] + box["height"] * 0.4), int(box["x"]) + 30]
    assert np.ptp(seen, axis=0).max() > 20


@pytest.mark.parametrize("name", CAPTIVE, ids=["iOS", "Android"])
def test_a_captive_window_is_told_to_open_the_browser(screen: Callable[..., Any], server: Any, name: str) -> None:
    page = screen(user_agent=name).open("/")
    page.page.get_by_text("Please open this address in your browser").wait_for()
    assert page.page.get_by_text(f"127.0.0.1:{server.port}", exact=True).is_visible()


def test_what_is_gone_leaves_the_wall_and_the_title(
    screen: Callable[..., Any], start_server: Callable[..., Any], gallery_of: Callable[..., Any]
) -> None:
    kiosk = start_server()
    gallery = gallery_of(kiosk)
    first = gallery.ready()
    page = screen(base=f"http://127.0.0.1:{kiosk.port}").open("/")
    page.page.locator("#sphere.on").wait_for(state="attached")
    second = gallery.ready()
    link = page.page.locator(f'#gallery a[href="/v/{second.token}"]')
    link.wait_for(state="attached")
    for photo in (second, first):
        gallery.library.remove(photo.token)
        page.page.locator(f'#gallery a[href="/v/{photo.token}"]').wait_for(state="detached")
    page.page.locator("#sphere:not(.on)").wait_for(state="attached")
    page.page.locator("#gallery").wait_for(state="hidden")


def test_a_heic_as_iphones_take_them_is_brought_and_seen(
    screen: Callable[..., Any], sphere: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    photo = tmp_path / "IMG_0042.HEIC"
    photo.write_bytes(heic(Image.fromarray(sphere("original")), "-q", "95"))
    page = screen().open("/")
    page.page.locator("#photo").set_input_files(photo)
    page.page.get_by_role("button", name="Dream it").click()
    page.page.wait_for_url("**/v/*")
    page.page.get_by_role("heading", name="You are").wait_for()
    page.bare().shows("original", tolerance=12)
