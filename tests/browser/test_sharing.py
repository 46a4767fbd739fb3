"""The link that a guest gives on opens the same dream at the same place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.browser


def share(page: Any, ready: str) -> None:
    """Open the dream, look around, and share what is seen now."""
    page.open(f"/v/{ready}#0,0")
    page.page.get_by_role("radio", name="Enlarged", checked=True).wait_for()
    page.page.evaluate("location.hash = '100,-20'")
    page.page.get_by_role("button", name="Take home").click()
    page.page.get_by_role("button", name="Share the link").click()


def opens_where_it_was(screen: Callable[..., Any], page: Any, ready: str, link: str) -> None:
    assert link == f"{page.base}/v/{ready}#100,-20"
    friend = screen().open(link.removeprefix(page.base)).bare()
    friend.shows("upscaled", np.deg2rad(100), np.deg2rad(-20))


def test_the_link_is_copied_where_the_browser_has_no_sheet_of_its_own(screen: Callable[..., Any], ready: str) -> None:
    page = screen(permissions=["clipboard-read", "clipboard-write"])
    page.page.add_init_script("Object.defineProperty(navigator, 'share', { value: undefined })")
    share(page, ready)
    page.page.get_by_text("Link copied").wait_for(state="attached")
    opens_where_it_was(screen, page, ready, page.page.evaluate("navigator.clipboard.readText()"))


def test_the_browsers_own_sheet_gets_the_link(screen: Callable[..., Any], ready: str) -> None:
    page = screen()
    page.page.add_init_script(
        "Object.defineProperty(navigator, 'share', { value: async (what) => { window.shared = what.url; } })"
    )
    share(page, ready)
    assert page.waits(lambda: page.page.evaluate("Boolean(window.shared)"))
    opens_where_it_was(screen, page, ready, page.page.evaluate("window.shared"))


def test_the_code_for_a_friend_opens_the_dream(
    screen: Callable[..., Any], ready: str, codes: Callable[[np.ndarray], list[str]]
) -> None:
    page = screen().open(f"/v/{ready}")
    page.page.get_by_role("button", name="Take home").click()
    page.page.get_by_role("img", name="QR code that opens this dream").scroll_into_view_if_needed()
    found: list[str] = []

    def read() -> bool:
        found[:] = codes(page.picture())
        return bool(found)

    assert page.waits(read)
    assert found == [f"{page.base}/v/{ready}"]
    screen().open(f"/v/{found[0].rsplit('/', 1)[1]}#0,0").bare().shows("upscaled")
