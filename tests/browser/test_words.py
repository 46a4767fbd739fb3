"""Dream of a word: typed, or tapped, and mixed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def opened(page: Any, photo: Path) -> Any:
    """The landing page with a photo chosen and the words open."""
    page.open("/")
    page.page.locator("#photo").set_input_files(photo)
    page.page.locator("#styles label.on").wait_for()
    page.page.locator("#word").click()
    page.page.locator("#words .tile").first.wait_for()
    return page.page


def style_of(gallery: Any, page: Any) -> str:
    """The style of the photo that the viewer shows."""
    page.wait_for_url("**/v/*")
    return gallery.library.photo(page.url.rsplit("/", 1)[1].split("?")[0]).style


@pytest.mark.parametrize("size", [(320, 568), (390, 844), (1280, 800)])
def test_suggestions_are_tapped_and_mixed(
    screen: Callable[..., Any], gallery: Any, sphere_file: Path, size: tuple[int, int]
) -> None:
    window = screen(size, locale="de")
    page = opened(window, sphere_file)
    assert page.locator("#words .tile").count() == 6
    page.get_by_role("button", name="Mehr Vorschläge").click()
    tile = page.locator("#words .tile")
    assert tile.count() == 18
    for name in ("Löwe", "Zebra", "Schmetterling"):
        page.get_by_role("button", name=name, exact=True).click()
    assert page.locator("#styles .on").count() == 0
    page.get_by_role("button", name="Tiger", exact=True).click()
    assert "Höchstens drei" in page.locator("#meaning").inner_text()
    page.get_by_role("button", name="Zebra", exact=True).click()
    page.get_by_text("Es träumt von: Löwe + Schmetterling").wait_for()
    assert page.locator("#words .tile[aria-pressed=true]").all_inner_texts() == ["Löwe", "Schmetterling"]
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page.locator("#send").click()
    assert style_of(gallery, page) == "word-291-323"
    assert window.waits(lambda: page.title() == "Löwe + Schmetterling · Dream Kiosk")


def test_a_word_is_typed_by_keyboard_and_a_style_takes_it_back(
    screen: Callable[..., Any], gallery: Any, sphere_file: Path
) -> None:
    page = opened(screen(), sphere_file)
    assert page.evaluate("document.activeElement.id") == "dream-of"
    page.keyboard.type("xyzzy")
    page.keyboard.press("Enter")
    page.get_by_text("no class is called 'xyzzy'").wait_for()
    page.locator("#send").click()
    assert page.evaluate("document.activeElement.id") == "dream-of"
    assert "/v/" not in page.url
    page.locator("#styles .tile").nth(2).click()
    assert page.locator("#dream-of").input_value() == ""
    page.locator("#dream-of").focus()
    page.keyboard.type("a lion and a teapot")
    page.get_by_text("It will dream of: lion + teapot").wait_for()
    # A suggestion is added to what is typed.
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("It will dream of: lion + teapot + tiger").wait_for()
    page.locator("#send").click()
    assert style_of(gallery, page) == "word-291-849-292"


def test_a_kiosk_that_does_not_answer_delays_no_photo(
    screen: Callable[..., Any], gallery: Any, sphere_file: Path
) -> None:
    page = opened(screen(), sphere_file)
    held: list[Any] = []
    page.route("**/api/words/meaning*", lambda route: held.append(route))
    page.keyboard.type("daisy")
    page.locator("#send").click()
    assert style_of(gallery, page) == "word-985"
    assert held


def test_suggestions_that_did_not_come_come_at_the_next_try(screen: Callable[..., Any], sphere_file: Path) -> None:
    page = screen().open("/").page
    page.locator("#photo").set_input_files(sphere_file)
    page.locator("#styles label.on").wait_for()
    page.route("**/api/words", lambda route: route.abort())
    page.locator("#word").click()
    page.get_by_text("The kiosk is not answering").wait_for()
    assert page.locator("#words").is_hidden()
    page.unroute("**/api/words")
    page.locator("#word").click()
    page.locator("#words .tile").first.wait_for()
    assert page.locator("#words .tile").count() == 6
    assert page.locator("#word").get_attribute("aria-expanded") == "true"
