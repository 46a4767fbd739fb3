"""The gallery: everything that may be shown, a page at a time, by style, and what a guest likes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from kiosk.library.intake import accept
from kiosk.pictures.sphere_jpeg import encode_jpeg
from tests.browser.spheres import sphere
from tests.browser.test_accessible import violations

pytestmark = pytest.mark.browser

PAGE = 24
COUNT = 30


@pytest.fixture(scope="module")
def many(gallery: Any) -> list[str]:
    """Tokens of dreams, newest first; every fifth is of peacocks."""
    photo = encode_jpeg(sphere("original", 256), 80, gpano=True)
    library = gallery.library
    tokens = []
    for number in range(COUNT):
        style = "dogs" if number % 5 else "peacocks"
        tokens.append(accept(library, photo, style=style, origin="camera").token)
    with library.writing() as connection:
        connection.execute("UPDATE photos SET state = 'ready'")
        connection.execute("UPDATE jobs SET state = 'finished'")
    return tokens[::-1]


def shown(page: Any) -> list[str]:
    """Tokens on the wall, from the first."""
    links = page.page.locator("#dreams a").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
    return [link.removeprefix("/v/") for link in links]


def test_all_dreams_are_there_by_scrolling_by_style_and_by_heart_and_back_is_where_one_was(
    screen: Callable[..., Any], many: list[str]
) -> None:
    landing = screen().open("/")
    landing.page.get_by_role("link", name="To the gallery").click()
    landing.page.wait_for_url("**/gallery")
    page = landing
    assert page.waits(lambda: shown(page) == many[:PAGE])
    assert violations(page.settles()) == []
    page.page.get_by_role("button", name="Show more").scroll_into_view_if_needed()
    assert page.waits(lambda: shown(page) == many)
    assert page.page.get_by_role("button", name="Show more").is_hidden()

    heart = page.page.get_by_role("button", name="Favorite:").nth(27)
    heart.scroll_into_view_if_needed()
    heart.click()
    assert heart.get_attribute("aria-pressed") == "true"
    link = page.page.locator(f'a[href="/v/{many[26]}"]')
    link.scroll_into_view_if_needed()
    y = page.page.evaluate("scrollY")
    assert y > 1000
    # A click of Playwright might scroll once more.
    link.evaluate("one => one.click()")
    page.page.wait_for_url("**/v/*")
    page.page.go_back()
    assert page.waits(lambda: abs(page.page.evaluate("scrollY") - y) < 5), (page.page.evaluate("scrollY"), y)
    assert shown(page) == many

    page.page.get_by_role("button", name="Favorites", exact=True).click()
    assert page.waits(lambda: shown(page) == [many[27]])
    page.page.reload()
    assert page.waits(lambda: shown(page) == [many[27]]), "not kept"
    page.page.get_by_role("button", name="Favorites", exact=True).click()
    page.page.get_by_label("Style").select_option("peacocks")
    assert page.waits(lambda: shown(page) == [token for at, token in enumerate(many) if at % 5 == 4])
    assert re.search(r"/gallery\?style=peacocks$", page.page.url)


def test_an_empty_gallery_says_so(screen: Callable[..., Any], start_server: Callable[..., Any]) -> None:
    page = screen(base=f"http://127.0.0.1:{start_server().port}", locale="de-DE").open("/gallery")
    page.page.get_by_text("Noch wird hier kein Traum gezeigt.").wait_for()
    assert violations(page.settles()) == []
