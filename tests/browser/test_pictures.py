"""Photo, dream and enlarged dream: the switch, the wipe between them, sharpness and its budget."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.browser


def test_the_switch_changes_the_sphere(screen: Callable[..., Any], ready: str) -> None:
    page = screen().open(f"/v/{ready}")
    page.page.get_by_role("radio", name="Photo").click()
    page.page.get_by_role("radio", name="Photo", checked=True).wait_for()
    page.page.get_by_role("radio", name="Dream", exact=True).click()
    page.bare().shows("dream")


def test_the_switch_is_worked_by_keyboard(screen: Callable[..., Any], ready: str) -> None:
    page = screen().open(f"/v/{ready}")
    page.page.get_by_role("radio", name="Enlarged", checked=True).focus()
    page.page.keyboard.press("ArrowRight")
    page.bare().shows("original")


def test_the_wipe_shows_the_photo_on_its_left_and_the_dream_on_its_right(
    screen: Callable[..., Any], ready: str
) -> None:
    page = screen().open(f"/v/{ready}")
    page.page.get_by_role("button", name="Compare").click()
    wipe = page.page.get_by_role("slider")
    wipe.wait_for()
    page.bare()
    page.style("#wipe,.side{opacity:0}")
    photo, dream = page.expected("original"), page.expected("upscaled")

    def divided(at: int) -> bool:
        picture = page.picture()
        left = np.abs(picture - photo)[:, : at - 12].max()
        right = np.abs(picture - dream)[:, at + 60 :].max()
        return bool(left < 60 and np.abs(picture - photo)[:, : at - 100].max() < 8 and right < 8)

    assert page.waits(lambda: divided(195))
    page.page.mouse.move(195, 422)
    page.page.mouse.down()
    page.page.mouse.move(300, 422, steps=4)
    page.page.mouse.up()
    assert page.waits(lambda: divided(300))
    # The view itself has stayed where it was.
    page.page.get_by_role("button", name="Compare").click()
    page.shows("upscaled")


def test_the_finest_level_comes_as_tiles_where_one_looks_closely(
    screen: Callable[..., Any], gallery: Any, server: Any
) -> None:
    photo = gallery.ready(width=8192)
    page = screen(device_scale_factor=2)
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url))
    page.open(f"/v/{photo.token}#-170,20,40").bare()
    page.shows("upscaled", np.deg2rad(-170), np.deg2rad(20), np.deg2rad(40), tolerance=8)
    assert page.waits(lambda: any("/levels/8192/" in url for url in asked))
    assert page.waits(
        lambda: page.page.evaluate("""async () => {
          const { tiles } = (await import("/static/viewer/state.js")).app.stage.textures;
          return Boolean(tiles) && !tiles.loading && [...tiles.tiles.values()].every((tile) => tile.shown === 1);
        }""")
    )
    tiles = {url.rsplit("/", 1)[1] for url in asked if "/levels/8192/" in url}
    # The tiles under the view, on both sides of the seam, and none of the other side of the world.
    assert {"0_1.jpg", "0_2.jpg", "7_1.jpg"} & tiles
    assert not {"3_1.jpg", "4_1.jpg", "3_2.jpg", "4_2.jpg"} & tiles
    page.shows("upscaled", np.deg2rad(-170), np.deg2rad(20), np.deg2rad(40), tolerance=8)


def test_a_browser_that_says_it_reads_webp_gets_the_large_picture_as_that(
    screen: Callable[..., Any], gallery: Any
) -> None:
    photo = gallery.ready(width=4096)
    page = screen()
    kinds: dict[str, str] = {}
    page.page.on(
        "response", lambda got: kinds.setdefault(got.url.rsplit("/", 1)[1], got.headers.get("content-type", ""))
    )
    page.open(f"/v/{photo.token}#10,5").bare().shows("upscaled", np.deg2rad(10), np.deg2rad(5))
    assert page.waits(lambda: kinds.get("4096.jpg") == "image/webp"), kinds
    assert kinds["1024.jpg"] == "image/jpeg"
    page.shows("upscaled", np.deg2rad(10), np.deg2rad(5))


@pytest.mark.parametrize(("query", "width", "budget"), [("?budget=48", 4096, 48), ("", 8192, 96)])
def test_the_textures_stay_within_their_budget(
    screen: Callable[..., Any], gallery: Any, query: str, width: int, budget: int
) -> None:
    photo = gallery.ready(width=width)
    page = screen()
    # Counts what WebGL is really given.
    page.page.add_init_script("""
      window.textures = new Map();
      const p = WebGL2RenderingContext.prototype;
      let bound = null;
      const bind = p.bindTexture, image = p.texImage2D, mip = p.generateMipmap, free = p.deleteTexture;
      p.bindTexture = function (target, texture) { bound = texture; return bind.call(this, target, texture); };
      p.texImage2D = function (...a) {
        const s = a.length === 6 ? a[5] : { width: a[3], height: a[4] };
        window.textures.set(bound, s.width * s.height * 4);
        window.most = Math.max(window.most || 0, [...window.textures.values()].reduce((x, y) => x + y, 0));
        return image.apply(this, a);
      };
      p.generateMipmap = function (t) {
        window.textures.set(bound, window.textures.get(bound) * 4 / 3);
        window.most = Math.max(window.most || 0, [...window.textures.values()].reduce((x, y) => x + y, 0));
        return mip.call(this, t);
      };
      p.deleteTexture = function (t) { window.textures.delete(t); return free.call(this, t); };
    """)
    page.open(f"/v/{photo.token}{query}#0,0,40").bare()
    narrow = np.deg2rad(40)
    page.shows("upscaled", field=narrow, tolerance=8)
    if width > 4096:
        # The atlas of tiles is there too.
        assert page.waits(lambda: page.page.evaluate("window.textures.size") >= 3)
    for name, look in (("Photo", "original"), ("Dream", "dream"), ("Enlarged", "upscaled")):
        page.page.get_by_role("radio", name=name, exact=True).click()
        page.shows(look, field=narrow, tolerance=8)
    page.page.get_by_role("button", name="Compare").click()
    page.page.locator("#wipe").wait_for()
    assert page.waits(
        lambda: page.page.evaluate("""async () => {
          const { textures } = (await import("/static/viewer/state.js")).app.stage;
          const done = (picture) => picture.texture && !picture.loading && !picture.wants(textures.widest);
          return textures.active().every(done);
        }""")
    )
    most = page.page.evaluate("window.most")
    assert 40e6 < most <= budget * 2**20


@pytest.mark.parametrize("failures", [1, 3])
def test_a_picture_that_gets_lost_on_its_way_is_asked_for_again(
    screen: Callable[..., Any], ready: str, failures: int
) -> None:
    page = screen()
    lost: list[str] = []

    def lose(route: Any) -> None:
        if len(lost) < failures:
            lost.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.page.route("**/photos/**", lose)
    page.open(f"/v/{ready}#0,0").bare().shows("upscaled")
    assert len(lost) == failures


def test_a_picture_stays_in_sight_when_its_levels_change_while_earlier_ones_are_on_their_way(
    screen: Callable[..., Any], ready: str
) -> None:
    """As when a dream is published level by level, faster than a phone fetches them."""
    page = screen()
    held: dict[str, Any] = {}
    page.page.route("**/events", lambda route: route.abort())  # the kiosk names its own pictures
    page.page.route(re.compile(r"\?held="), lambda route: held.setdefault(route.request.url.rsplit("=", 1)[1], route))
    page.open(f"/v/{ready}#0,0").bare().shows("upscaled")
    # What is on its way for the first of these comes when the second has taken over what is in sight.
    page.page.evaluate(
        """async (url) => {
          const { app } = await import("/static/viewer/state.js");
          window.stage = app.stage;
          for (const name of ["first", "second"]) {
            app.stage.set("upscaled", [{ width: 0, url: `${url}?held=${name}` }]);
            window[name] = app.stage.pictures.get("upscaled");
            app.stage.textures.improve(window[name]);
          }
        }""",
        f"/photos/{ready}/dream.jpg",
    )
    assert page.waits(lambda: len(held) == 2)
    held["first"].continue_()
    assert page.waits(lambda: page.page.evaluate("!window.first.loading"))
    page.page.evaluate("""() => {
      window.stage.dirty = true;
      return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    }""")
    assert np.abs(page.picture() - page.expected("upscaled")).max() <= 7, "the picture in sight was taken away"
    held["second"].continue_()
    page.shows("dream")
    assert page.page.evaluate("window.stage.textures.budget.used") <= 2 * 1024 * 512 * 16 / 3, (
        "something was never given back"
    )


def test_a_picture_that_arrives_after_it_was_let_go_takes_no_room(screen: Callable[..., Any], ready: str) -> None:
    page = screen()
    held: list[Any] = []
    page.page.route("**/events", lambda route: route.abort())  # the kiosk names its own pictures
    page.page.route(re.compile(r"\?held$"), lambda route: held.append(route))
    page.open(f"/v/{ready}#0,0").bare().shows("upscaled")
    before = page.page.evaluate(
        """async (url) => {
          const { app } = await import("/static/viewer/state.js");
          window.stage = app.stage;
          const before = app.stage.textures.budget.used;
          app.stage.set("late", [{ width: 0, url }]);
          window.late = app.stage.pictures.get("late");
          app.stage.textures.improve(window.late);
          app.stage.forget("late");
          return before;
        }""",
        f"/photos/{ready}/dream.jpg?held",
    )
    assert page.waits(lambda: len(held) == 1)
    held[0].continue_()
    assert page.waits(lambda: page.page.evaluate("!window.late.loading"))
    assert page.page.evaluate("window.stage.textures.budget.used") == before
    page.shows("upscaled")
