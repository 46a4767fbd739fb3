"""Several people in one dream: two real pages, each of which sees on its sphere where the other looks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.browser

SIZE = (390, 390)
HALF = np.tan(np.deg2rad(85) / 2)


def glow(page: Any, away: float) -> float:
    """How much brighter than the dream it is on the horizon `away` radians to the right of the middle."""
    picture, plain = page.picture(), page.plain
    x = round((np.tan(away) / HALF + 1) / 2 * SIZE[0])
    here = slice(SIZE[1] // 2 - 3, SIZE[1] // 2 + 4), slice(x - 3, x + 4)
    return float((picture - plain)[here].mean())


@pytest.fixture
def enter(screen: Callable[..., Any]) -> Callable[..., Any]:
    """A function that opens a dream, `yaw` degrees to the right of its middle, and waits until it is seen."""

    def open_(token: str, yaw: float) -> Any:
        page = screen(SIZE).open(f"/v/{token}#{yaw},0").bare()
        page.style("#room{opacity:0}")
        page.shows("upscaled", np.deg2rad(yaw))
        page.plain = page.expected("upscaled", np.deg2rad(yaw))
        return page

    return open_


def test_two_pages_see_each_others_gaze_come_move_and_go(enter: Callable[..., Any], gallery: Any) -> None:
    token = gallery.ready().token
    ada, bob = enter(token, 0), enter(token, 20)
    right = float(np.deg2rad(20))
    assert ada.waits(lambda: glow(ada, right) > 40), "Ada does not see where Bob looks"
    assert bob.waits(lambda: glow(bob, -right) > 40), "Bob does not see where Ada looks"
    # Nobody sees a light where there is no gaze, nor one's own.
    assert abs(glow(ada, -right)) < 8
    assert abs(glow(ada, 0)) < 12
    ada.page.get_by_text("One other guest is here").wait_for(state="attached")
    bob.page.locator("#sphere").focus()
    bob.page.keyboard.press("Home")
    assert ada.waits(lambda: glow(ada, 0) > 40 and glow(ada, right) < 12), "the light does not follow Bob's gaze"
    bob.page.close()
    assert ada.waits(lambda: abs(glow(ada, 0)) < 6), "the light stays after Bob has gone"
    ada.shows("upscaled")


def test_who_follows_looks_where_the_leader_looks_and_goes_where_the_leader_goes(
    enter: Callable[..., Any], gallery: Any
) -> None:
    other, token = gallery.ready().token, gallery.ready().token
    ada, bob = enter(token, 0), enter(token, 60)
    lead = bob.page.get_by_role("button", name="Follow me")
    lead.wait_for()
    lead.evaluate("button => button.click()")
    # The light of the leader lies on what both look at now: the edges show the view.
    wanted = ada.expected("upscaled", np.deg2rad(60))
    assert ada.waits(lambda: np.abs(ada.picture() - wanted)[:, :60].max() < 9), "Ada's view was not led"
    bob.page.get_by_role("button", name="Next dream").evaluate("button => button.click()")
    gone = re.compile(rf"/v/(?!{token})")
    bob.page.wait_for_url(gone)
    ada.page.wait_for_url(gone)
    assert ada.page.url.split("#")[0] == bob.page.url.split("#")[0]
    assert other in ada.page.url or ada.page.url != bob.page.url


def test_where_several_look_the_dream_goes_deeper(enter: Callable[..., Any], gallery: Any) -> None:
    """Ada turned her gaze mode on and looks elsewhere; where Bob looks the photo dreams for her too."""
    token = gallery.ready().token
    ada = enter(token, 0)
    for words in ("Breathing between", "What you look at"):
        ada.page.get_by_role("button", name="Alive").evaluate("button => button.click()")
        ada.page.get_by_text(words).wait_for(state="attached")
    right = float(np.deg2rad(32))
    x = round((np.tan(right) / HALF + 1) / 2 * SIZE[0])
    photo, dream = ada.expected("original"), ada.expected("upscaled")
    # Off the horizon, beside Bob's light: its halo is faint there.
    spot = slice(SIZE[1] // 2 - 60, SIZE[1] // 2 - 44), slice(x - 8, x + 8)

    def depth() -> float:
        before, after = photo[spot].reshape(-1, 3), dream[spot].reshape(-1, 3)
        now = ada.picture()[spot].reshape(-1, 3)
        return float(((now - before) * (after - before)).sum() / ((after - before) ** 2).sum())

    assert ada.waits(lambda: depth() < 0.3)
    alone = depth()
    enter(token, 32)
    assert ada.waits(lambda: depth() > alone + 0.4), "Bob's gaze changes nothing for Ada"
