"""The sphere is where it should be, pixel by pixel, however one looks around."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.browser


def degrees(*angles: float) -> list[float]:
    return [float(np.deg2rad(angle)) for angle in angles]


@pytest.mark.parametrize("webgl", [2, 1])
@pytest.mark.parametrize(
    ("yaw", "pitch"),
    [(0, 0), (90, 0), (-135, 30), (180, 0), (179.9, -40), (0, 90), (0, -90), (180, 80), (45, -88)],
)
def test_every_direction_shows_its_colors_without_a_line_at_the_seam_or_a_knot_at_the_poles(
    screen: Callable[..., Any], ready: str, webgl: int, yaw: float, pitch: float
) -> None:
    page = screen().open(f"/v/{ready}?webgl={webgl}#{yaw},{pitch}").bare()
    page.shows("upscaled", *degrees(yaw, pitch), tolerance=6)


@pytest.mark.parametrize("size", [(844, 390), (320, 640), (1280, 720)])
def test_the_view_fills_any_screen_without_distortion(
    screen: Callable[..., Any], ready: str, size: tuple[int, int]
) -> None:
    screen(size).open(f"/v/{ready}#30,10").bare().shows("upscaled", *degrees(30, 10))


def test_a_drag_moves_the_picture_with_the_finger(screen: Callable[..., Any], ready: str) -> None:
    page = screen().open(f"/v/{ready}").bare().shows("upscaled")
    mouse = page.page.mouse
    mouse.move(300, 400)
    mouse.down()
    mouse.move(100, 400, steps=8)
    mouse.up()
    # 200 of 844 pixels, at the angle that a pixel has in the middle of the view.
    yaw = 200 * 2 * np.tan(np.deg2rad(42.5)) / 844
    page.shows("upscaled", yaw)


def test_a_drag_goes_on_for_a_while_and_comes_to_rest(screen: Callable[..., Any], ready: str) -> None:
    page = screen(still=False).open(f"/v/{ready}#0,0").bare().shows("upscaled")
    hand = page.page.context.new_cdp_session(page.page)
    clock = time.time()

    def mouse(kind: str, x: int) -> None:
        # A slow machine must not make a slow hand of it: the events say when they happened.
        nonlocal clock
        clock += 0.016
        hand.send(
            "Input.dispatchMouseEvent",
            {"type": kind, "x": x, "y": 400, "button": "left", "buttons": 1, "clickCount": 1, "timestamp": clock},
        )

    mouse("mousePressed", 320)
    for x in range(320, 60, -26):
        mouse("mouseMoved", x)
    mouse("mouseReleased", 60)
    let_go = page.center()
    assert page.waits(lambda: np.abs(page.center() - let_go).max() > 8), "it stopped dead"

    def rests() -> bool:
        before = page.center()
        page.page.wait_for_timeout(400)
        return bool(np.abs(page.center() - before).max() < 1)

    assert page.waits(rests), "it never came to rest"


def test_arrow_keys_look_plus_zooms_and_home_recenters(screen: Callable[..., Any], ready: str) -> None:
    page = screen().open(f"/v/{ready}").bare().shows("upscaled")
    keyboard = page.page.keyboard
    page.page.locator("#sphere").focus()
    before = page.center()
    keyboard.down("ArrowRight")
    assert page.waits(lambda: np.abs(page.center() - before).max() > 40)
    keyboard.up("ArrowRight")
    keyboard.press("Home")
    page.shows("upscaled")
    for _ in range(3):
        keyboard.press("+")
    page.shows("upscaled", field=np.deg2rad(85) * 0.9**3)


def test_the_wheel_zooms(screen: Callable[..., Any], ready: str) -> None:
    page = screen().open(f"/v/{ready}").bare().shows("upscaled")
    page.page.mouse.move(200, 400)
    page.page.mouse.wheel(0, -200)
    page.shows("upscaled", field=np.deg2rad(85) * np.exp(-0.24))


def test_two_fingers_pinch(screen: Callable[..., Any], ready: str) -> None:
    page = screen(has_touch=True).open(f"/v/{ready}").bare().shows("upscaled")
    touch = page.page.context.new_cdp_session(page.page)

    def fingers(kind: str, *points: tuple[int, int]) -> None:
        where = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    fingers("touchStart", (195, 400), (195, 444))
    for step in range(1, 5):
        fingers("touchMove", (195, 400 - 11 * step), (195, 444 + 11 * step))
    fingers("touchEnd")

    def zoomed() -> bool:
        column = page.picture()[:, 195]
        return bool(np.abs(column[0] - column[-1]).max() < 75)

    # Spread to three times the distance: the narrowest view, far fewer colors from top to bottom.
    assert page.waits(zoomed)


def test_a_phone_held_the_other_way_round_shows_the_same_place(screen: Callable[..., Any], ready: str) -> None:
    page = screen().open(f"/v/{ready}#60,0").bare().shows("upscaled", *degrees(60))
    page.page.set_viewport_size({"width": 844, "height": 390})
    page.shows("upscaled", *degrees(60))
