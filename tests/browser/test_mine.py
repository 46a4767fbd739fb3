"""What is a guest's own: several photos at once, my dreams, four words for another device, who may see them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kiosk.storage import DataFolder

pytestmark = pytest.mark.browser

TOUCH = {"has_touch": True, "is_mobile": True}


def rows(page: Any) -> list[str]:
    """My dreams, as they are read."""
    return page.page.locator("#mine li").all_inner_texts()


def test_several_photos_are_sent_one_by_one_and_are_mine_on_another_device_too(
    screen: Callable[..., Any], gallery: Any, server: Any, sphere_file: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "notes.jpg"
    wrong.write_text("not a picture, but enough of one to be a file")
    page = screen(**TOUCH).open("/")
    page.page.get_by_text("Take a photo").wait_for()
    assert page.page.locator("#camera").get_attribute("capture") == "environment"
    assert page.page.locator("#show").is_checked() is False, "nobody is asked, and shown nevertheless"
    nth: list[str] = []
    page.page.expose_function("told", lambda words: nth.append(words))
    page.page.evaluate(
        "new MutationObserver(() => told(document.querySelector('#progress').dataset.words))"
        ".observe(document.querySelector('#progress'), { attributes: true })"
    )
    page.page.locator("#photo").set_input_files([sphere_file, wrong, sphere_file])
    page.page.get_by_text("3 photos, sent one after the other").wait_for()
    page.page.locator("#consent").click()
    page.page.get_by_role("button", name="Dream it").click()
    page.page.get_by_text("Photos that arrived: 2.").wait_for()
    assert page.page.get_by_role("alert").inner_text().startswith("notes.jpg: ")
    assert {one.split(" · ")[0] for one in nth} >= {"1 of 3", "2 of 3", "3 of 3"}
    assert page.waits(lambda: len(rows(page)) == 2)
    numbers = [int(text.split()[1]) for text in rows(page)]
    assert numbers == sorted(numbers, reverse=True), "not newest first"
    # It goes on by itself: the older one is dreamed.
    job = gallery.lease()
    gallery.finish(job, 1024)
    assert page.waits(lambda: "Ready · others see it too" in rows(page)[1]), rows(page)
    assert "You are next" in rows(page)[0]

    page.page.get_by_role("button", name="Use on another device").click()
    words = page.page.locator("#give output").inner_text()
    assert len(words.split()) == 4
    other = screen().open("/")
    other.page.get_by_role("button", name="I have four words").click()
    other.page.get_by_label("The four words").fill("zoo zoo zoo zoo")
    other.page.get_by_role("button", name="Show my dreams here").click()
    other.page.get_by_text("These are not the words").wait_for()
    other.page.get_by_label("The four words").fill(words.upper())
    other.page.get_by_role("button", name="Show my dreams here").click()
    assert other.waits(lambda: len(rows(other)) == 2)
    with other.page.expect_download() as download:
        other.page.get_by_role("button", name="All of mine as a ZIP").click()
    assert zipfile.ZipFile(download.value.path()).namelist()

    # And what the other device may do with one of them.
    other.page.locator("#mine li a").last.click()
    other.page.get_by_role("button", name="Take home").click()
    switch = other.page.get_by_role("switch", name="Show to others")
    assert switch.is_checked()
    switch.click()
    other.page.get_by_text("Only people who have its link see it.").wait_for()
    assert server.get(f"/api/photos/{job.token}").json["show"] is False
    other.page.get_by_role("button", name="Close").click()
    other.page.go_back()
    other.page.get_by_role("button", name="Delete all of mine").click()
    other.page.get_by_role("button", name="Really delete all?").click()
    other.page.get_by_text("Deleted: 2.").wait_for()
    assert server.get(f"/api/photos/{job.token}").status == 404


def test_what_is_seen_now_is_saved_as_an_ordinary_picture_and_shared_as_one(
    screen: Callable[..., Any], ready: str
) -> None:
    page = screen()
    page.page.add_init_script("""
      navigator.canShare = (what) => Boolean(what.files || what.url);
      navigator.share = async (what) => {
        window.shared = [what.url, what.files[0].type, what.files[0].size];
      };
    """)
    page.open(f"/v/{ready}#40,10").bare()
    page.shows("upscaled", np.deg2rad(40), np.deg2rad(10))
    page.page.get_by_role("button", name="Take home").click()
    with page.page.expect_download() as download:
        page.page.get_by_role("button", name="Save this view").click()
    with Image.open(download.value.path()) as saved:
        assert saved.format == "JPEG"
        assert max(saved.size) == 2048
        width, height = 390, 844
        small = np.asarray(saved.convert("RGB").resize((width, height), Image.Resampling.BOX)).astype(float)
    expected = page.expected("upscaled", np.deg2rad(40), np.deg2rad(10))
    assert np.abs(small - expected).mean() < 4
    page.page.get_by_role("button", name="Share the picture").click()
    assert page.waits(lambda: page.page.evaluate("Boolean(window.shared)"))
    url, kind, size = page.page.evaluate("window.shared")
    assert (url, kind) == (f"{page.base}/v/{ready}#40,10", "image/jpeg")
    assert size > 10_000
    # The screen shows what it showed before.
    page.page.get_by_role("button", name="Close").click()
    page.shows("upscaled", np.deg2rad(40), np.deg2rad(10))


def test_an_events_settings_are_what_its_guests_meet(
    screen: Callable[..., Any], start_server: Callable[..., Any], tmp_path: Path, sphere_file: Path
) -> None:
    data = DataFolder(tmp_path / "data")
    data.root.mkdir()
    data.settings.write_text(
        '[people]\nshow = "no"\n[event]\nname = "Anna & Ben"\nwelcome = "Dream with us!"\naccent = "#2f6f5e"\n'
        'languages = ["fr", "de"]\n'
    )
    page = screen(base=f"http://127.0.0.1:{start_server(data).port}", locale="ja-JP").open("/")
    page.page.get_by_text("Anna & Ben").wait_for()
    assert page.page.locator("#welcome").inner_text() == "Dream with us!"
    assert page.page.evaluate("document.documentElement.lang") == "fr"
    page.page.locator("#photo").set_input_files(sphere_file)
    page.page.get_by_text("votre rêve n’est pas montré").wait_for()
    assert page.page.locator("#show").is_hidden()
    button = page.page.locator("#send")
    assert button.evaluate("one => getComputedStyle(one).backgroundImage + getComputedStyle(one).backgroundColor") == (
        "nonergb(47, 111, 94)"
    )
