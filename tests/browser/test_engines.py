"""Every page and mode in every engine: the pixels that should be there, and no error.

What an engine lacks is found out by asking it, never by its name, and what needs it is skipped there.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.browser.engines.start import ENGINES
from tests.browser.engines.tab import Engine, Missing, Tab
from tests.browser.lens import CSS_PIXELS_PER_METER, V2
from tests.browser.spheres import FIELD, color, direction, seen

pytestmark = pytest.mark.browser

PHONE = (390, 844)
SIDEWAYS = (844, 390)
BARE = (
    "#top,#dock,#live,#veil,#progress,#notice,#no-sphere,#room,.side,#split,#sheet{opacity:0!important;transition:none}"
)
WEBGL = "const c = document.createElement('canvas'); return Boolean(c.getContext('webgl2') || c.getContext('webgl'))"


# The pixels in the middle and near the upper left corner of every frame that is drawn, however slowly one looks.
RECORD = """
  const { app } = await import("/static/viewer/state.js");
  const { renderer } = app.stage;
  const draw = renderer.draw;
  window.frames_seen = [];
  renderer.draw = function (...what) {
    draw.apply(this, what);
    const { gl } = this;
    const { drawingBufferWidth: width, drawingBufferHeight: height } = gl;
    window.frames_seen.push([[width >> 1, height >> 1], [10, height - 11]].map(([x, y]) => {
      const pixel = new Uint8Array(4);
      gl.readPixels(x, y, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
      return [...pixel.slice(0, 3)];
    }));
  };
"""


@pytest.fixture(scope="session", params=list(ENGINES))
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Each engine, started once."""
    try:
        started = ENGINES[request.param](tmp_path_factory.mktemp(request.param))
    except Missing as missing:
        pytest.skip(str(missing))
    yield started
    started.close()


@pytest.fixture
def tab(engine: Engine, server: Any) -> Iterator[Callable[..., Tab]]:
    """A function that opens a path in a fresh page. What its scripts throw fails the test."""
    tabs: list[Tab] = []

    def open_(path: str, size: tuple[int, int] = PHONE) -> Tab:
        tabs.append(engine.tab(*size))
        tabs[-1].open(f"http://127.0.0.1:{server.port}{path}")
        return tabs[-1]

    yield open_
    thrown = [error for page in tabs for error in page.errors()]
    for page in tabs:
        page.close()
    assert thrown == []


@pytest.fixture(scope="session")
def sphere_drawn(engine: Engine) -> bool:
    """Whether this engine can draw a sphere."""
    page = engine.tab(*PHONE)
    drawn = bool(page.run(WEBGL))
    page.close()
    return drawn


@pytest.fixture
def needs_sphere(sphere_drawn: bool) -> None:
    if not sphere_drawn:
        pytest.skip("this engine draws no WebGL on this machine; its flat page is tested in other tests")


def size_of(page: Tab) -> tuple[int, int]:
    width, height = page.run("return [innerWidth, innerHeight]")
    return width, height


def expected(page: Tab, look: str, yaw: float = 0, pitch: float = 0, field: float = FIELD) -> np.ndarray:
    return seen(look, yaw, pitch, *size_of(page), field)


def press(page: Tab, selector: str) -> None:
    """Press a button once it can be seen, which is when it answers."""
    assert page.waits("return !document.body.classList.contains('loading')")
    page.run(f"document.querySelector('{selector}').click()")


def shows(page: Tab, look: str, yaw: float = 0, pitch: float = 0, tolerance: float = 8) -> None:
    """Wait until every pixel is that of the picture at this angle (radians)."""
    off = np.array([])

    def alike() -> bool:
        nonlocal off
        picture, wanted = page.picture(), expected(page, look, yaw, pitch)
        if picture.shape != wanted.shape:
            return False
        off = np.abs(picture - wanted)
        return bool(off.max() <= tolerance)

    assert page.waits(alike), f"{look}: off by {off.max() if off.size else 'its size'}"


def ahead(look: str, yaw: float = 0) -> np.ndarray:
    """The color of a picture on the horizon."""
    return color(direction(np.float64(yaw), np.float64(0)), look)


def near(picture: np.ndarray, x: float, y: float, wanted: np.ndarray, tolerance: float = 8) -> bool:
    return bool(np.abs(picture[round(y), round(x)] - wanted).max() <= tolerance)


def test_a_photo_is_brought_and_seen(
    tab: Callable[..., Tab], engine: Engine, server: Any, gallery: Any, ready: str, needs_sphere: None
) -> None:
    page = tab("/")
    assert page.waits("return document.querySelector('#bring').noValidate"), "the page's script has begun"
    # No engine's driver needs to know the file dialog: what it gives the page is a list of files.
    page.run(f"""
      const answer = await fetch("/api/photos/{ready}");
      const file = await (await fetch((await answer.json()).images.original)).blob();
      const list = new DataTransfer();
      list.items.add(new File([file], "photo.jpg", {{ type: "image/jpeg" }}));
      const input = document.querySelector("#photo");
      input.files = list.files;
      input.dispatchEvent(new Event("change", {{ bubbles: true }}));
    """)
    page.tap("#send")
    assert page.waits("return location.pathname.startsWith('/v/') && document.readyState === 'complete'")
    page.style(BARE)
    shows(page, "original")
    gallery.finish(gallery.lease())
    shows(page, "upscaled")


def test_the_dream_is_all_around_and_hands_turn_it(tab: Callable[..., Tab], ready: str, needs_sphere: None) -> None:
    page = tab(f"/v/{ready}#0,0")
    page.style(BARE)
    shows(page, "upscaled")
    width, height = size_of(page)
    y = height // 2
    page.drag([(width - 90 - 25 * step, y) for step in range(9)])
    turned = 200 * 2 * np.tan(FIELD / 2) / max(width, height)
    shows(page, "upscaled", turned)
    page.run("document.querySelector('#sphere').focus()")
    page.press("Home")
    shows(page, "upscaled")
    press(page, "[data-show=original]")
    shows(page, "original")
    page.run("location.hash = '179,-40'")
    shows(page, "original", np.deg2rad(179), np.deg2rad(-40))


def test_the_wipe_divides_photo_and_dream(tab: Callable[..., Tab], ready: str, needs_sphere: None) -> None:
    page = tab(f"/v/{ready}#0,0")
    assert page.waits("return !document.querySelector('#dock').hidden")
    page.tap("#compare")
    assert page.waits("return !document.querySelector('#wipe').hidden")
    width, height = size_of(page)
    page.drag([(width // 2, height // 2), (width // 2 + 60, height // 2), (round(width * 0.75), height // 2)])
    page.style(BARE + "#wipe{opacity:0}")
    photo, dream = expected(page, "original"), expected(page, "upscaled")
    edge = round(width * 0.75)

    def divided() -> bool:
        picture = page.picture()
        left, right = np.s_[:, : edge - 60], np.s_[:, edge + 60 :]
        return bool(np.abs(picture - photo)[left].max() < 9 and np.abs(picture - dream)[right].max() < 9)

    assert page.waits(divided)


def test_the_picture_lives(tab: Callable[..., Tab], ready: str, needs_sphere: None) -> None:
    """Who wants no movement sees it half asleep, then what is looked at dreams first."""
    page = tab(f"/v/{ready}#180,-10")
    page.style(BARE)
    angle = np.pi, np.deg2rad(-10)
    shows(page, "upscaled", *angle)
    photo, dream = (expected(page, look, *angle) for look in ("original", "upscaled"))
    page.tap("#alive")
    assert page.waits(lambda: min(np.abs(page.picture() - look).mean() for look in (photo, dream)) > 10)
    page.run(RECORD)
    page.tap("#alive")
    middle, corner = dream[dream.shape[0] // 2, dream.shape[1] // 2], dream[10, 10]

    def spreads() -> bool:
        frames = np.array(page.run("return window.frames_seen"), float).reshape(-1, 2, 3)
        off = np.abs(frames - [middle, corner]).max(axis=-1)
        return bool(((off[:, 0] < 12) & (off[:, 1] > 25)).any())

    assert page.waits(spreads)


@pytest.mark.parametrize("pending", ["as it is", "for ever"])
def test_the_screen_splits_at_once(tab: Callable[..., Tab], ready: str, needs_sphere: None, pending: str) -> None:
    """Whatever the browser does about full screen, wake lock, motion and the way the phone is held."""
    page = tab(f"/v/{ready}#0,0", SIDEWAYS)
    page.style(BARE)
    shows(page, "upscaled")
    if pending == "for ever":
        page.run("""
          const never = () => new Promise(() => undefined);
          Element.prototype.requestFullscreen = never;
          Object.defineProperty(navigator, "wakeLock", { value: { request: never } });
          Object.defineProperty(navigator, "xr", { value: { isSessionSupported: never } });
          if (window.DeviceOrientationEvent) DeviceOrientationEvent.requestPermission = never;
        """)
    press(page, "#headset")
    assert page.waits("return document.querySelector('#sheet .button.first')")
    page.style("#sheet{transition:none}#sheet [role=dialog]{animation:none!important}")
    page.tap("#sheet .button.first")
    assert page.waits("return document.body.classList.contains('split')")
    dream = ahead("upscaled")

    def two() -> bool:
        picture = page.picture()
        height, width = picture.shape[:2]
        gap = min(V2.gap * CSS_PIXELS_PER_METER, width * 0.62)
        # Each eye looks ahead where its lens is; the corners are dark; and the middle between them sees neither.
        eyes = all(near(picture, width / 2 + side * gap / 2, height / 2, dream) for side in (-1, 1))
        rays = [V2.rays(width, height, 1, side) for side in (0, 1)]
        halves = [picture[:, : width // 2], picture[:, width - width // 2 :]]
        for half, (ray, dark) in zip(halves, rays, strict=True):
            lit = ~dark
            lit[:, -2:] = lit[:, :2] = False
            if np.abs(half - color(ray, "upscaled"))[lit].max() > 9:
                return False
        return eyes and picture[2, 2].max() < 3

    assert page.waits(two)
    page.run("document.querySelector('#split .out').click()")
    assert page.waits("return !document.body.classList.contains('split') && !document.fullscreenElement")


@pytest.mark.parametrize("answer", ["refuses", "says nothing"])
def test_a_browser_that_refuses_leaves_no_error(
    tab: Callable[..., Tab], ready: str, needs_sphere: None, answer: str
) -> None:
    """Full screen refused, or asked for in the old way that answers with no promise."""
    page = tab(f"/v/{ready}#0,0", SIDEWAYS)
    how = "Promise.reject(new TypeError('no'))" if answer == "refuses" else "undefined"
    page.run(f"""
      const answer = () => {how};
      Element.prototype.requestFullscreen = answer;
      Object.defineProperty(navigator, "wakeLock", {{ value: {{ request: answer }} }});
      if (window.DeviceOrientationEvent) DeviceOrientationEvent.requestPermission = answer;
      document.querySelector("#full").hidden = false;
    """)
    assert page.waits("return !document.querySelector('#dock').hidden")
    page.tap("#full")
    press(page, "#headset")
    assert page.waits("return document.querySelector('#sheet .button.first')")
    page.run("document.querySelector('#sheet .button.first').click()")
    assert page.waits("return document.querySelector('#split')")


def test_the_phones_motion_turns_the_view(tab: Callable[..., Tab], ready: str, needs_sphere: None) -> None:
    page = tab(f"/v/{ready}#50,0")
    if not page.run("return isSecureContext && 'DeviceOrientationEvent' in window"):
        pytest.skip("this engine offers pages no motion sensors (DeviceOrientationEvent)")
    page.style(BARE)
    shows(page, "upscaled", np.deg2rad(50))
    press(page, "#motion")

    def hold(alpha: float, beta: float) -> None:
        page.run(f"""dispatchEvent(new DeviceOrientationEvent("deviceorientation",
          {{ alpha: {alpha}, beta: {beta}, gamma: 0, absolute: false }}))""")

    # It listens, and goes on looking where one looked at the first reading, whichever way north is.
    assert page.waits("return document.querySelector('#motion').getAttribute('aria-pressed') === 'true'")
    hold(120, 90)
    hold(90, 105)
    angle = page.run("return screen.orientation ? screen.orientation.angle : 0")
    if angle == 0:
        shows(page, "upscaled", np.deg2rad(80), np.deg2rad(15))
    else:
        assert page.waits(lambda: np.abs(page.picture() - expected(page, "upscaled", np.deg2rad(50))).max() > 20)


def test_guests_see_where_the_others_look(tab: Callable[..., Tab], server: Any, ready: str, needs_sphere: None) -> None:
    page = tab(f"/v/{ready}#0,0")
    page.style(BARE)
    shows(page, "upscaled")
    plain = page.picture()
    right = np.deg2rad(12)
    height, width = plain.shape[:2]
    x = round(width / 2 + np.tan(right) / np.tan(FIELD / 2) * max(width, height) / 2)
    spot = np.s_[height // 2 - 3 : height // 2 + 4, x - 3 : x + 4]
    told: list[Any] = []
    over = threading.Event()

    def listen() -> None:
        for name, data in server.events(f"/api/photos/{ready}/events"):
            if over.is_set():
                return
            if name == "room":
                told.extend(data["gazes"])

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    gaze = json.dumps({"id": "ab" * 16, "yaw": float(right), "pitch": 0.0})

    def lit() -> bool:
        answer = server.request("POST", f"/api/photos/{ready}/room", gaze, {"Content-Type": "application/json"})
        assert answer.status in (200, 409, 429), answer.body
        return bool((page.picture() - plain)[spot].mean() > 40)

    assert page.waits(lit), "the page does not see where the other looks"
    over.set()
    # The page itself looks ahead.
    assert any(abs(yaw) < 0.02 and abs(pitch) < 0.02 for _, yaw, pitch in told), told


def test_what_one_takes_home_works(tab: Callable[..., Tab], ready: str, codes: Callable[..., list[str]]) -> None:
    page = tab(f"/v/{ready}#0,0")
    assert page.waits("return !document.querySelector('#dock').hidden")
    page.tap("#keep")
    assert page.waits("return document.querySelector('#sheet .code img')")
    page.run("document.querySelector('#sheet .code img').scrollIntoView({ block: 'center' })")
    assert page.waits(lambda: any(text.endswith(f"/v/{ready}") for text in codes(page.picture())))
    link = "document.querySelector('#sheet a[download]').href"
    assert page.run(f"const answer = await fetch({link}); return (await answer.blob()).size") > 10_000
    page.press("Escape")
    assert page.waits("return !document.querySelector('#sheet').className")


def test_the_big_screen_turns_the_dream_and_shows_its_code(
    tab: Callable[..., Tab], ready: str, codes: Callable[..., list[str]], sphere_drawn: bool
) -> None:
    page = tab("/booth", (1280, 720))
    assert page.waits(lambda: any(f"/v/{ready}" in text for text in codes(page.picture())))
    assert page.run("return !document.querySelector('#no-sphere')") == sphere_drawn
    page.style("header,footer,#panel,#veil,#trouble{opacity:0!important}")
    if sphere_drawn:
        wanted = expected(page, "upscaled", field=np.deg2rad(100))
        assert page.waits(lambda: np.abs(page.picture() - wanted).max() < 9)
    else:
        assert page.waits(lambda: np.abs(page.picture() - flat(page, "upscaled", 0, np.deg2rad(100))).max() < 9)


def test_the_landing_page_shows_its_pictures(tab: Callable[..., Tab], ready: str) -> None:
    page = tab("/")
    picture = f"document.querySelector('#gallery a[href=\"/v/{ready}\"] img')"
    assert page.waits(f"return {picture}")
    page.run(f"{picture}.scrollIntoView({{ block: 'center' }})")
    assert page.waits(f"return {picture}.naturalWidth > 0")
    left, top, width, height = page.run(
        f"const b = {picture}.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]"
    )
    assert 0.7 < width / height < 2.1
    column = np.s_[round(top + 10) : round(top + height * 0.5), round(left + width / 5)]
    assert page.waits(lambda: np.ptp(page.picture()[column], axis=0).max() > 20)


def test_the_operators_page_shows_every_photo(tab: Callable[..., Tab], ready: str) -> None:
    page = tab("/operator/photos", (1280, 720))
    picture = f"document.querySelector('input[value=\"{ready}\"]').nextElementSibling"
    page.run(f"{picture}.scrollIntoView({{ block: 'center' }})")
    assert page.waits(f"return {picture}.naturalWidth > 0")
    left, top, height = page.run(f"const b = {picture}.getBoundingClientRect(); return [b.left, b.top, b.height]")
    column = np.s_[round(top) + 8 : round(top + height) - 8, round(left) + 20]
    assert page.waits(lambda: np.ptp(page.picture()[column], axis=0).max() > 20)


def flat(page: Tab, look: str, yaw: float, field: float = FIELD) -> np.ndarray:
    """What is seen of a picture that lies flat: as many pixels to a degree everywhere."""
    width, height = size_of(page)
    rows = round(max(width, height) / field * np.pi)
    x = (np.arange(width) + 0.5 - width / 2) / rows * np.pi + yaw
    y = (height / 2 - np.arange(height) - 0.5) / rows * np.pi
    return color(direction(*np.meshgrid(x, y)), look)


def test_without_webgl_the_picture_lies_flat_to_be_dragged(tab: Callable[..., Tab], ready: str) -> None:
    """Around the seam too, by hand and by keys; and one may choose which picture."""
    page = tab(f"/v/{ready}?webgl=0#150,0")
    assert page.waits("return document.querySelector('#no-sphere')")
    assert "flat" in page.run("return document.querySelector('#no-sphere').innerText")
    page.style(BARE)

    def lies(look: str, yaw: float) -> None:
        assert page.waits(lambda: np.abs(page.picture() - flat(page, look, yaw)).max() < 9), (look, yaw)

    lies("upscaled", np.deg2rad(150))
    width, height = size_of(page)
    page.drag([(width - 60 - 25 * step, height // 2) for step in range(9)])
    # Over the seam at 180 degrees.
    across = np.deg2rad(150) + 200 * FIELD / max(width, height)
    lies("upscaled", across)
    page.run("document.querySelector('#sphere').focus()")
    before = page.picture()
    page.press("ArrowRight")
    assert page.waits(lambda: np.abs(page.picture() - before).max() > 0)
    page.press("Home")
    lies("upscaled", 0)
    press(page, "[data-show=original]")
    lies("original", 0)
    # What only a sphere can do is not offered.
    assert page.run("return ['compare', 'alive', 'headset'].every((id) => !document.getElementById(id).offsetParent)")


def test_an_engine_without_webgl_gets_the_flat_picture_unasked(
    tab: Callable[..., Tab], ready: str, sphere_drawn: bool
) -> None:
    page = tab(f"/v/{ready}#0,0")
    assert page.waits("return !document.body.classList.contains('loading')")
    assert page.waits("return !document.querySelector('#dock').hidden")
    assert page.run("return !document.querySelector('#no-sphere')") == sphere_drawn
    if not sphere_drawn:
        page.style(BARE)
        assert page.waits(lambda: np.abs(page.picture() - flat(page, "upscaled", 0)).max() < 9)
