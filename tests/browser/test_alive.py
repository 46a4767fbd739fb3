"""The dream is not a still picture: the journey, the gaze, and what those see who want no movement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.browser

SMALL = (320, 480)


def depth(page: Any) -> float:
    """How far the middle of the view has gone from the photo (0) to the dream (1)."""
    before, after = page.ahead("original"), page.ahead("upscaled")
    return float((page.center() - before) @ (after - before) / ((after - before) @ (after - before)))


def test_the_journey_goes_from_photo_to_dream_and_back_without_a_flash(screen: Callable[..., Any], ready: str) -> None:
    page = screen(SMALL, still=False).open(f"/v/{ready}#0,0").bare().shows("upscaled")
    page.page.get_by_role("button", name="Alive").click()
    seen: list[float] = []

    def both_ends() -> bool:
        seen.append(depth(page))
        return max(seen) > 0.9 and min(seen) < 0.1

    assert page.waits(both_ends, 60), seen
    # Nothing jumps: 3 Hz would be a way and back within a third of a second, this takes seconds one way, so that even
    # a slow browser is met on its way.
    assert page.waits(lambda: 0.15 < depth(page) < 0.85, 60), seen


def test_what_is_looked_at_dreams_and_what_is_left_settles(screen: Callable[..., Any], ready: str) -> None:
    page = screen(SMALL, still=False).open(f"/v/{ready}#0,0").bare().shows("upscaled")
    page.page.get_by_role("button", name="Alive").click()
    page.page.get_by_text("Breathing between").wait_for(state="attached")
    page.page.get_by_role("button", name="Alive").click()
    page.page.get_by_text("What you look at").wait_for(state="attached")
    assert page.waits(lambda: depth(page) > 0.9)
    # The edge of the view is still the photo while its middle dreams, or was when the middle began.
    page.page.locator("#sphere").focus()
    page.page.keyboard.down("ArrowRight")
    away = """async () => Math.abs((await import("/static/viewer/state.js")).app.stage.view.gaze().yaw)"""
    # Farther than the resting eye sees, which is 134 degrees wide.
    assert page.waits(lambda: page.page.evaluate(away) > 2.6)
    page.page.keyboard.up("ArrowRight")
    # Back at the start after a good while elsewhere, as the picture counts time: it has begun to forget.
    page.page.evaluate("""async () => {
      const { app } = await import("/static/viewer/state.js");
      window.passed = 0;
      app.stage.before_frame.push((dt) => { window.passed += dt; return false; });
    }""")
    assert page.waits(lambda: page.page.evaluate("window.passed") > 15, 90)
    # The dream stands still while it is looked at: a slow browser would meet it grown again.
    page.page.evaluate("""async () => {
      const { app } = await import("/static/viewer/state.js");
      const apply = app.stage.mode.apply;
      app.stage.mode.apply = (scene, dt) => apply.call(app.stage.mode, scene, window.held ? 0 : dt);
      window.held = true;
    }""")
    page.page.keyboard.press("Home")
    assert page.waits(lambda: page.page.evaluate(away) < 0.01)
    page.frames(2)
    assert depth(page) < 0.9
    page.page.evaluate("window.held = false")
    assert page.waits(lambda: depth(page) > 0.95)


def test_who_wants_less_motion_gets_a_still_picture_between_photo_and_dream(
    screen: Callable[..., Any], ready: str
) -> None:
    page = screen(SMALL).open(f"/v/{ready}#0,0").bare().shows("upscaled")
    page.page.get_by_role("button", name="Alive").click()
    page.page.get_by_text("Breathing between").wait_for(state="attached")
    assert page.waits(lambda: 0.1 < depth(page) < 0.98)
    page.settles()
    before = page.picture()
    page.frames(60)
    assert np.abs(page.picture() - before).max() == 0


def test_who_wants_less_motion_sees_nothing_turn_by_itself(screen: Callable[..., Any], ready: str) -> None:
    page = screen(SMALL).open(f"/v/{ready}").bare().shows("upscaled")
    page.frames(60)
    page.shows("upscaled")
