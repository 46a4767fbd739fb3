"""Everything can be reached without seeing or pointing, on the narrowest screen, and axe finds nothing to mend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parents[2] / "kiosk" / "web").resolve() / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Any) -> list[str]:
    assert AXE.is_file(), "the page tools are not installed; `python -m tests` installs them"
    if not page.page.evaluate("'axe' in window"):
        page.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.page.evaluate("axe.run(document)")["violations"]
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("size", [(390, 844), (320, 640)])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v/{ready}",
        "/booth",
        "/static/landing/https.html",
        "/gallery",
        "/operator",
        "/operator/photos",
        "/operator/people",
        "/nothing-here",
        "/v/nobody",
    ],
)
def test_axe_finds_no_violation(screen: Callable[..., Any], ready: str, path: str, size: tuple[int, int]) -> None:
    page = screen(size).open(path.format(ready=ready))
    page.settles()
    assert violations(page) == []
    assert page.page.evaluate("document.documentElement.scrollWidth") <= size[0], "what lies beside is never found"


@pytest.mark.parametrize("button", ["Take home", "Headset"])
def test_axe_finds_no_violation_in_the_sheets(screen: Callable[..., Any], ready: str, button: str) -> None:
    page = screen().open(f"/v/{ready}")
    page.page.get_by_role("button", name=button).click()
    page.page.get_by_role("dialog").wait_for()
    page.settles()
    assert violations(page) == []


TOO_NEW = """() => [...document.querySelectorAll("*")].filter((element) => {
  const style = getComputedStyle(element);
  const flex = /flex$/.test(style.display) && [style.rowGap, style.columnGap].some((gap) => parseFloat(gap) > 0);
  return flex || (element.tagName === "FIELDSET" && /grid|flex/.test(style.display));
}).map((element) => element.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("size", [(390, 844), (844, 390), (1280, 720)])
def test_icons_keep_their_distance_from_words_in_engines_of_2019(
    screen: Callable[..., Any], ready: str, size: tuple[int, int]
) -> None:
    """They know `gap` in grids only, and no fieldset that is one: what is laid out so would touch."""
    for path in (
        "/",
        "/gallery",
        f"/v/{ready}",
        "/v/nobody",
        "/booth",
        "/static/landing/https.html",
        "/operator",
        "/nothing-here",
    ):
        page = screen(size).open(path)
        assert page.page.evaluate(TOO_NEW) == [], path
    page = screen(size).open(f"/v/{ready}")
    for button in ("Take home", "Headset"):
        page.page.get_by_role("button", name=button).click()
        page.page.get_by_role("dialog").wait_for()
        assert page.page.evaluate(TOO_NEW) == [], button
        page.page.keyboard.press("Escape")


@pytest.mark.parametrize("button", ["Take home", "Headset"])
def test_a_sheet_covers_what_is_behind_it(screen: Callable[..., Any], ready: str, button: str) -> None:
    page = screen(device_scale_factor=2, is_mobile=True, has_touch=True).open(f"/v/{ready}")
    page.page.get_by_role("button", name=button).click()
    sheet = page.page.get_by_role("dialog")
    sheet.wait_for()

    def covered() -> bool:
        top = sheet.bounding_box()["y"]
        edge = page.picture()[round(top + 40) * 2 :, 4:36]
        return bool(np.abs(edge - [21, 18, 31]).max() < 3)

    assert page.waits(covered)
    page.page.keyboard.press("Escape")
    assert page.page.locator("#dock").is_visible()


def test_the_operator_sees_every_photo(screen: Callable[..., Any], ready: str) -> None:
    page = screen((1280, 720)).open("/operator/photos")
    picture = page.page.locator(f'label:has(input[value="{ready}"]) img')
    picture.scroll_into_view_if_needed()
    assert page.waits(lambda: picture.evaluate("image => image.naturalWidth") > 0)
    box = picture.bounding_box()
    seen = page.picture()[round(box["y"]) + 8 : round(box["y"] + box["height"]) - 8, round(box["x"]) + 20]
    assert np.ptp(seen, axis=0).max() > 20


def test_every_control_is_reached_by_tab_and_the_sheet_gives_the_focus_back(
    screen: Callable[..., Any], ready: str
) -> None:
    page = screen().open(f"/v/{ready}")
    page.page.get_by_role("radio", name="Enlarged", checked=True).wait_for()
    page.settles()
    reached = []
    for _ in range(12):
        page.page.keyboard.press("Tab")
        reached.append(page.page.evaluate("document.activeElement.id || document.activeElement.dataset.show"))
    for control in ("sphere", "own", "upscaled", "compare", "alive", "motion", "headset", "keep"):
        assert control in reached
    page.page.locator("#keep").focus()
    page.page.keyboard.press("Enter")
    page.page.get_by_role("dialog").wait_for()
    page.page.keyboard.press("Escape")
    page.page.get_by_role("dialog").wait_for(state="detached")
    assert page.waits(lambda: page.page.evaluate("document.activeElement.id") == "keep")


@pytest.mark.parametrize("path", ["/", "/gallery", "/v/{ready}", "/static/landing/https.html"])
@pytest.mark.parametrize("locale", ["en", "de", "fr", "ja"])
def test_nothing_runs_over_the_edge_at_320_pixels(
    screen: Callable[..., Any], ready: str, path: str, locale: str
) -> None:
    page = screen((320, 568), locale=locale).open(path.format(ready=ready))
    page.settles()
    over = page.page.evaluate("""() => [...document.querySelectorAll("body *")]
        .filter((e) => e.offsetParent && (e.getBoundingClientRect().right > 321 || e.getBoundingClientRect().left < -1)
          && !e.closest("#sphere, svg") && !e.classList.contains("unseen"))
        .map((e) => e.outerHTML.slice(0, 120))""")
    assert over == []
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_with_less_motion_nothing_is_hidden_a_moment_longer(screen: Callable[..., Any], ready: str) -> None:
    """A transition of visibility, however short, hides its element for a frame more, and what is hidden loses the
    focus that a closing sheet has just given back."""
    page = screen().open(f"/v/{ready}").settles()
    page.page.locator("#keep").click()
    page.page.get_by_role("dialog").wait_for()
    page.settles()
    seen = page.page.evaluate("""async () => {
      const keep = document.querySelector("#keep");
      const hidden = getComputedStyle(keep).visibility;
      document.body.classList.remove("sheeted");
      return [hidden, getComputedStyle(keep).visibility, keep.getAnimations().length];
    }""")
    assert seen == ["hidden", "visible", 0]
