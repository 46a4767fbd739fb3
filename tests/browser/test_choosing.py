"""What should it dream of: pictures first, and the button that begins it always in reach."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.browser

FIRST_VIEW = 20_000
SIZES = [(390, 844), (320, 568), (844, 390), (1920, 1080)]


def choose(page: Any, photo: Path) -> Any:
    """The landing page with a photo chosen and the styles offered."""
    page.open("/")
    page.page.locator("#photo").set_input_files(photo)
    page.page.locator("#styles label.on").wait_for()
    return page


def inside(page: Any, selector: str) -> bool:
    """Whether an element lies within the window, whole, and nothing lies on it."""
    return page.page.locator(selector).evaluate("""element => {
        const { left, top, right, bottom } = element.getBoundingClientRect();
        const over = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
        return left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight + 0.5 && element.contains(over);
    }""")


def pictures(page: Any) -> int:
    """How many pictures of styles are in sight, as pixels: none is one flat color."""
    screen = page.picture()
    boxes = page.page.locator("#styles img").evaluate_all("""all => all.filter((image) => image.complete)
        .map((image) => image.getBoundingClientRect()).map(({ x, y, width, height }) => [x, y, width, height])""")
    found = 0
    for x, y, width, height in boxes:
        part = screen[max(0, round(y)) : round(y + height * 0.6), round(x) + 8 : round(x + width) - 8]
        found += bool(part.size and part.std(axis=(0, 1)).max() > 15)
    return found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("locale", ["en", "de"])
def test_pictures_and_the_button_are_in_sight_as_soon_as_a_photo_is_chosen(
    screen: Callable[..., Any], sphere_file: Path, size: tuple[int, int], locale: str
) -> None:
    page = choose(screen(size, locale=locale), sphere_file)
    assert page.waits(lambda: pictures(page) == 6), pictures(page)
    assert page.waits(lambda: inside(page, "#send"))
    assert page.page.evaluate("document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize("size", SIZES)
def test_the_button_stays_in_reach_among_all_styles(
    screen: Callable[..., Any], sphere_file: Path, server: Any, size: tuple[int, int]
) -> None:
    page = choose(screen(size), sphere_file)
    page.page.get_by_role("button", name="All ").click()
    styles = server.get("/api/kiosk").json["styles"]
    assert len(styles) > 6
    labels = page.page.locator("#styles label")
    assert labels.count() == len(styles)
    for at in (len(styles) // 2, len(styles) - 1):
        labels.nth(at).scroll_into_view_if_needed()
        assert page.waits(lambda: inside(page, "#send")), at
        assert page.waits(lambda: pictures(page) > 0), at
    # No row is hidden behind the button when it is scrolled to.
    labels.last.click()
    assert page.page.locator("#line").inner_text() == styles[-1]["line"]


def test_the_style_that_was_picked_is_the_one_that_is_dreamed(
    screen: Callable[..., Any], gallery: Any, sphere_file: Path
) -> None:
    page = choose(screen(), sphere_file)
    page.page.locator("#styles label").nth(4).click()
    name = page.page.locator("#styles label.on input").get_attribute("value")
    assert name != page.page.locator("#styles input").first.get_attribute("value")
    page.page.get_by_role("button", name="Dream it").click()
    page.page.wait_for_url("**/v/*")
    assert gallery.library.photo(page.page.url.rsplit("/", 1)[1]).style == name


def test_styles_are_picked_by_keyboard(screen: Callable[..., Any], sphere_file: Path) -> None:
    page = choose(screen(), sphere_file)
    page.page.locator("#styles input").first.focus()
    page.page.keyboard.press("ArrowRight")
    assert page.page.locator("#styles label").nth(1).evaluate("label => label.classList.contains('on')")
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")
    # The keyboard goes on where the new ones begin.
    assert page.page.evaluate("document.activeElement.name") == "style"
    page.page.keyboard.press("Tab")
    assert page.page.evaluate("document.activeElement.id") == "word"
    page.page.keyboard.press("Tab")
    assert page.page.evaluate("document.activeElement.id") == "show"
    page.page.keyboard.press("Tab")
    assert page.page.evaluate("document.activeElement.id") == "send"


def test_a_phone_that_reads_no_webp_chooses_by_name(screen: Callable[..., Any], sphere_file: Path) -> None:
    page = screen()
    page.page.route("**/styles/*.webp", lambda route: route.fulfill(body=b"?", content_type="image/webp"))
    choose(page, sphere_file)
    assert page.waits(lambda: page.page.locator("#styles img").count() == 0)
    assert page.page.locator("#styles b").first.is_visible()


def test_a_photo_that_the_browser_cannot_show_is_chosen_by_its_name(screen: Callable[..., Any], tmp_path: Path) -> None:
    photo = tmp_path / "IMG_0042.HEIC"
    photo.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    page = choose(screen(), photo)
    accepted = page.page.locator("#photo").get_attribute("accept").split(",")
    assert set(accepted) == {"image/*", ".heic", ".heif", ".avif", ".tif", ".tiff", ".insp"}
    page.page.locator("#thumb.blind").wait_for()
    thumb = page.page.locator("#thumb").bounding_box()
    part = page.picture()[
        round(thumb["y"]) + 8 : round(thumb["y"]) + 48, round(thumb["x"]) + 8 : round(thumb["x"]) + 160
    ]
    assert np.ptp(part) > 60, "no name is written there"
    assert page.page.get_by_role("button", name="Dream it").is_visible()


def test_the_first_view_of_the_landing_page_is_small_and_its_pictures_come_when_they_are_needed(
    screen: Callable[..., Any], server: Any, sphere_file: Path
) -> None:
    page = screen()
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url.split("/", 3)[3]))
    page.open("/")
    assert page.waits(lambda: any(path.startswith("api/photos") for path in asked))
    page.page.locator("#more").wait_for(state="attached")
    files = {path for path in asked if path == "" or path.startswith("static/")}
    sent = {path: len(server.get("/" + path, {"Accept-Encoding": "gzip"}).body) for path in files}
    assert sum(sent.values()) <= FIRST_VIEW, sent
    assert not any(path.startswith("styles/") for path in asked), "pictures that nobody asked for"
    page.page.locator("#photo").set_input_files(sphere_file)
    assert page.waits(lambda: sum(path.startswith("styles/") for path in asked) == 6), asked


def test_a_browser_without_modules_still_brings_a_photo(screen: Callable[..., Any], sphere_file: Path) -> None:
    """As it would be there: modules are not run, scripts for those without are."""
    page = screen()
    page.page.route("**/landing.js", lambda route: route.abort())
    page.open("/")
    page.page.add_script_tag(url=page.page.locator("script[nomodule]").get_attribute("src"))
    page.page.locator("#photo").set_input_files(sphere_file)
    page.page.wait_for_url("**/v/*")
