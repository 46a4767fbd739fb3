"""From the upload to the end: what a guest sees while the kiosk works, and when something goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kiosk.library.intake import accept

pytestmark = pytest.mark.browser


def test_the_dream_grows_inside_the_sphere_and_becomes_sharp(screen: Callable[..., Any], gallery: Any) -> None:
    photo = gallery.bring()
    page = screen().open(f"/v/{photo.token}#40,0")
    page.page.get_by_role("heading", name="You are next").wait_for()
    page.bare().shows("original", np.deg2rad(40))
    job = gallery.lease()
    gallery.preview(job, 0)
    page.shows("preview", np.deg2rad(40), tolerance=9)
    gallery.preview(job, 1, "dream")
    page.shows("dream", np.deg2rad(40), tolerance=9)
    gallery.finish(job)
    page.shows("upscaled", np.deg2rad(40))
    assert page.page.get_by_role("status").inner_text() == "Your dream is ready"


def test_previews_fade_into_each_other(screen: Callable[..., Any], gallery: Any) -> None:
    photo = gallery.bring()
    page = screen(still=False).open(f"/v/{photo.token}#0,0").bare().shows("original")
    frames = page.record()
    job = gallery.lease()
    gallery.preview(job, 0)
    page.shows("preview", tolerance=9)
    before, after = page.ahead("original"), page.ahead("preview")
    way = (frames() - before) @ (after - before) / ((after - before) @ (after - before))
    assert ((way > 0.15) & (way < 0.85)).any(), "it jumped"
    gallery.library.jobs.fail(job, "done with it")


def test_the_queue_says_when_it_is_ones_turn(screen: Callable[..., Any], gallery: Any) -> None:
    photos = [gallery.bring() for _ in range(3)]
    page = screen().open(f"/v/{photos[2].token}")
    page.page.get_by_role("heading", name="You are number 3 in the queue").wait_for()
    gallery.finish(gallery.lease())
    page.page.get_by_role("heading", name="You are number 2 in the queue").wait_for()
    gallery.finish(gallery.lease())
    page.page.get_by_role("heading", name="You are next").wait_for()
    gallery.finish(gallery.lease())
    page.page.get_by_role("radio", name="Enlarged", checked=True).wait_for()


def test_a_failure_says_why_in_the_kiosks_own_words(screen: Callable[..., Any], gallery: Any) -> None:
    photo = gallery.bring()
    page = screen().open(f"/v/{photo.token}")
    gallery.library.jobs.fail(gallery.lease(), "This photo is too dark to dream.")
    page.page.get_by_role("heading", name="This photo could not be dreamed").wait_for()
    assert page.page.get_by_text("This photo is too dark to dream.").is_visible()
    assert page.page.get_by_role("link", name="Dream your own").last.is_visible()


def test_a_deleted_photo_ends_while_one_watches(screen: Callable[..., Any], gallery: Any) -> None:
    photo = gallery.bring()
    page = screen().open(f"/v/{photo.token}")
    page.page.get_by_role("heading", name="You are").wait_for()
    gallery.library.delete(photo.token, photo.owner_key)
    page.page.get_by_role("heading", name="This dream was deleted").wait_for()


def test_a_photo_that_one_cannot_stand_in_is_seen_flat_until_its_dream_begins(
    screen: Callable[..., Any], gallery: Any, encode: Callable[[np.ndarray], bytes]
) -> None:
    picture = np.zeros((600, 800, 3), np.uint8)
    picture[:] = (40, 200, 120)
    photo = accept(gallery.library, encode(picture), style=None)
    page = screen().open(f"/v/{photo.token}#0,0")
    page.page.get_by_role("heading", name="You are next").wait_for()
    sentence = page.page.locator("#sentence").inner_text()
    assert "Look around" not in sentence, sentence
    page.bare()
    assert page.waits(lambda: np.abs(page.picture() - [40, 200, 120]).max() < 8), "the photo is not seen"
    job = gallery.lease()
    gallery.preview(job, 0)
    page.shows("preview", tolerance=9)
    gallery.library.jobs.fail(job, "done with it")


def test_a_lost_graphics_context_comes_back_one_step_lower(screen: Callable[..., Any], gallery: Any) -> None:
    photo = gallery.ready(width=4096)
    page = screen()
    asked: list[str] = []
    page.page.on("request", lambda request: asked.append(request.url))
    page.open(f"/v/{photo.token}#10,0").bare().shows("upscaled", np.deg2rad(10))
    assert page.waits(lambda: any("4096.jpg" in url for url in asked))
    asked.clear()
    page.page.evaluate("""() => {
      const gl = document.querySelector("canvas").getContext("webgl2");
      window.loss = gl.getExtension("WEBGL_lose_context");
      gl.canvas.addEventListener("webglcontextlost", () => setTimeout(() => { window.lost = true; }));
      window.loss.loseContext();
    }""")
    assert page.waits(lambda: page.page.evaluate("Boolean(window.lost)"))
    page.page.evaluate("window.loss.restoreContext()")
    page.shows("upscaled", np.deg2rad(10))
    # A sphere of 4096 has two levels; what the graphics card could not keep is not asked for again.
    assert page.waits(lambda: any("1024.jpg" in url for url in asked))
    assert not any("4096.jpg" in url for url in asked)


def test_while_the_graphics_context_is_lost_nothing_is_asked_for(screen: Callable[..., Any], gallery: Any) -> None:
    """The loss is there before its event is: a picture that arrives in between is not requested again."""
    photo = gallery.ready(width=4096)
    page = screen()
    held: list[Any] = []
    page.page.route("**/4096.jpg", lambda route: held.append(route))
    page.open(f"/v/{photo.token}#10,0")
    assert page.waits(lambda: bool(held))
    # The page does not hear of its loss, as if the event were still on its way.
    page.page.evaluate("""() => {
      window.addEventListener("webglcontextlost", (event) => event.stopImmediatePropagation(), true);
      document.querySelector("canvas").getContext("webgl2").getExtension("WEBGL_lose_context").loseContext();
    }""")
    held[0].continue_()
    page.page.evaluate("""async () => {
      for (let frames = 0; frames < 60; frames++) await new Promise(requestAnimationFrame);
    }""")
    assert len(held) == 1


def test_a_context_that_never_comes_back_is_replaced(screen: Callable[..., Any], ready: str) -> None:
    page = screen().open(f"/v/{ready}#10,0").bare().shows("upscaled", np.deg2rad(10))
    page.page.evaluate("""() => {
      window.first = document.querySelector("canvas");
      window.first.getContext("webgl2").getExtension("WEBGL_lose_context").loseContext();
    }""")
    assert page.waits(lambda: page.page.evaluate("!window.first.isConnected"))
    page.shows("upscaled", np.deg2rad(10))


OLD = """
  const get = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
    return kind === "webgl2" ? null : get.call(this, kind, ...rest);
  };
"""


def test_without_webgl2_every_mode_works_with_the_old_one(screen: Callable[..., Any], ready: str) -> None:
    page = screen((320, 480))
    page.page.add_init_script(OLD)
    page.open(f"/v/{ready}#180,-10").bare().shows("upscaled", np.pi, np.deg2rad(-10))
    photo, dream = (page.expected(look, np.pi, np.deg2rad(-10)) for look in ("original", "upscaled"))
    page.page.get_by_role("button", name="Compare").click()
    page.style("#wipe,.side{opacity:0}")

    def divided() -> bool:
        picture = page.picture()
        return bool(np.abs(picture - photo)[:, :60].max() < 8 and np.abs(picture - dream)[:, -60:].max() < 8)

    assert page.waits(divided)
    page.page.get_by_role("button", name="Alive").click()
    page.page.get_by_text("Breathing between").wait_for(state="attached")
    # Half asleep, for those who want no motion: neither the one nor the other.
    assert page.waits(lambda: min(np.abs(page.picture() - look).mean() for look in (photo, dream)) > 10)
    page.page.get_by_role("button", name="Alive").click()
    page.page.get_by_text("What you look at").wait_for(state="attached")

    def spreads() -> bool:
        off = np.abs(page.picture() - dream).max(axis=-1)
        return bool(off[230:250, 150:170].max() < 12 and off[:20, :20].min() > 25)

    assert page.waits(spreads)


def test_a_browser_without_modules_gets_the_picture_flat_and_a_sentence(screen: Callable[..., Any], ready: str) -> None:
    """As it would be there: modules are not run, scripts for those without are."""
    page = screen()
    page.page.route("**/viewer/first.js", lambda route: route.abort())
    page.open(f"/v/{ready}")
    source = page.page.locator("script[nomodule]").get_attribute("src")
    page.page.add_script_tag(url=source)
    page.page.get_by_text("This browser cannot show the sphere").wait_for()
    page.bare()
    assert page.waits(lambda: np.abs(page.center() - page.ahead("upscaled")).max() < 7)


@pytest.mark.parametrize("path", ["/v/{ready}", "/booth"])
def test_without_webgl_a_sentence_says_why_the_picture_lies_flat(
    screen: Callable[..., Any], ready: str, path: str
) -> None:
    page = screen(locale="de-DE")
    page.page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page.open(path.format(ready=ready))
    page.page.get_by_text("Dieser Browser kann die Kugel nicht zeigen").wait_for()


def test_what_is_deleted_leaves_the_flat_screen_too(
    screen: Callable[..., Any], gallery: Any, server: Any, ready: str
) -> None:
    photo = gallery.ready()
    page = screen((640, 360)).open("/booth?webgl=0")
    flat = page.page.locator("#sphere .flat")

    def shown(token: str) -> bool:
        return token in flat.evaluate("flat => flat.style.backgroundImage")

    assert page.waits(lambda: shown(photo.token))
    gallery.library.delete(photo.token, photo.owner_key)
    assert page.waits(lambda: not shown(photo.token))


def test_a_graphics_card_that_is_gone_for_a_while_is_asked_for_again(screen: Callable[..., Any], ready: str) -> None:
    page = screen().open(f"/v/{ready}#10,0").bare().shows("upscaled", np.deg2rad(10))
    page.page.evaluate("""() => {
      const get = HTMLCanvasElement.prototype.getContext;
      const { canvas } = document.querySelector("canvas").getContext("webgl2");
      window.refused = 0;
      HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
        if (!/webgl/.test(kind) || window.refused >= 4) return get.call(this, kind, ...rest);
        window.refused++;
        return null;
      };
      get.call(canvas, "webgl2").getExtension("WEBGL_lose_context").loseContext();
    }""")
    assert page.waits(lambda: page.page.evaluate("window.refused") >= 4)
    page.shows("upscaled", np.deg2rad(10))


@pytest.mark.parametrize(
    ("locale", "words"), [("de-AT", "Vergleich"), ("es-MX", "Comparar"), ("fr-CA", "Comparer"), ("ja-JP", "くらべる")]
)
def test_the_page_speaks_the_guests_language(screen: Callable[..., Any], ready: str, locale: str, words: str) -> None:
    page = screen(locale=locale).open(f"/v/{ready}")
    page.page.get_by_role("button", name=words).wait_for()
    assert page.page.evaluate("document.documentElement.lang") == locale[:2]


def test_no_button_is_seen_before_it_answers(screen: Callable[..., Any], ready: str) -> None:
    """However late the part comes that a page without WebGL needs."""
    page, held = screen(), []
    page.page.route("**/sphere/flat.js*", lambda route: held.append(route))
    page.open(f"/v/{ready}?webgl=0")
    assert page.waits(lambda: bool(held))
    assert not page.page.locator("#keep").is_visible()
    held[0].continue_()
    page.page.locator("#keep").click()
    page.page.get_by_role("dialog").wait_for()
