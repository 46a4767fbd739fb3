"""Motion, the split screen, and a real headset: the gaze and both eyes, pixel by pixel."""

from __future__ import annotations

import base64
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kiosk.library.intake import accept
from kiosk.pictures.gpano import picture_xmp, with_xmp
from tests.browser.lens import CSS_PIXELS_PER_METER, V1, V2, Lens

pytestmark = pytest.mark.browser

IWER = (Path(__file__).parents[2] / "kiosk" / "web").resolve() / "node_modules" / "iwer" / "build" / "iwer.min.js"

SERVE_SECURELY = """
import sys
from pathlib import Path
from kiosk.lan.certificates import ensure_certificate
from kiosk.server.app import create_app
from kiosk.server.http.serve import serve
from kiosk.storage import DataFolder
data = DataFolder(Path(sys.argv[1]))
files = ensure_certificate(data.certificates, ["127.0.0.1"])
serve(create_app(data), "127.0.0.1", 0, 0, files.certificate, files.key,
      on_ready=lambda port, tls_port: print(tls_port, flush=True))
"""


@pytest.fixture(scope="module")
def secure(server: Any) -> Iterator[str]:
    """The same library over https, with the kiosk's own certificate."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE_SECURELY, str(server.data.root)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "DREAMKIOSK_RUNTIME": str(server.data.root.parent / "runtime")},
    )
    assert process.stdout is not None
    yield f"https://127.0.0.1:{int(process.stdout.readline())}"
    process.terminate()
    process.wait(60)
    process.stdout.close()


def through_the_warning(page: Any, path: str) -> None:
    """Open a page whose certificate the browser does not know, and click through as a guest does."""
    with pytest.raises(Exception, match="ERR_CERT_AUTHORITY_INVALID"):
        page.page.goto(page.base + path)

    # The warning is a page of its own, which listens once it stands.
    def passes() -> bool:
        page.page.keyboard.type("thisisunsafe", delay=30)
        return page.page.locator("#sphere").count() > 0

    assert page.waits(passes)
    page.page.locator("#sphere canvas").wait_for()


def hold(page: Any, alpha: float, beta: float, gamma: float) -> None:
    """Hold the phone like this, degrees as the sensors give them."""
    if not hasattr(page, "sensors"):
        page.sensors = page.page.context.new_cdp_session(page.page)
    page.sensors.send("DeviceOrientation.setDeviceOrientationOverride", {"alpha": alpha, "beta": beta, "gamma": gamma})


def test_motion_moves_the_gaze_together_with_dragging_behind_the_real_warning(
    screen: Callable[..., Any], ready: str, secure: str
) -> None:
    page = screen(base=secure)
    through_the_warning(page, f"/v/{ready}#50,0")
    hold(page, 120, 90, 0)
    page.bare().shows("upscaled", np.deg2rad(50))
    page.page.get_by_role("button", name="Motion").click()
    # Starting does not turn the view, wherever north is.
    page.page.locator('#motion[aria-pressed="true"]').wait_for()
    page.shows("upscaled", np.deg2rad(50))
    hold(page, 120 - 30, 90 + 15, 0)
    page.shows("upscaled", np.deg2rad(80), np.deg2rad(15))
    mouse = page.page.mouse
    mouse.move(250, 400)
    mouse.down()
    mouse.move(150, 400, steps=5)
    mouse.up()
    drag = 100 * 2 * np.tan(np.deg2rad(42.5)) / 844
    page.shows("upscaled", np.deg2rad(80) + drag, np.deg2rad(15), tolerance=9)
    page.page.keyboard.press("Home")
    page.shows("upscaled", 0, np.deg2rad(15))


def sensors_of(yaw: float, pitch: float, screen_angle: int) -> tuple[float, float, float]:
    """alpha, beta, gamma (degrees) of a phone whose screen is level and whose back looks `yaw` degrees to the right of
    north and `pitch` upwards, held so that the page is turned by `screen_angle` against the phone.

    World: x east, y north, z up. R = Rz(alpha) Rx(beta) Ry(gamma), as the specification of DeviceOrientation has it.
    """
    psi, p, theta = np.deg2rad(yaw), np.deg2rad(pitch), np.deg2rad(screen_angle)
    right = np.array([np.cos(psi), -np.sin(psi), 0])
    forward = np.array([np.sin(psi) * np.cos(p), np.cos(psi) * np.cos(p), np.sin(p)])
    up = np.cross(right, forward)
    x = np.cos(theta) * right + np.sin(theta) * up
    y = np.cos(theta) * up - np.sin(theta) * right
    z = -forward
    beta = np.arcsin(np.clip(y[2], -1, 1))
    if z[2] < -1e-9:
        beta = np.pi - beta if beta >= 0 else -np.pi - beta
    if abs(np.cos(beta)) < 1e-6:
        alpha, gamma = np.arctan2(x[1], x[0]), 0.0
    else:
        sign = np.sign(np.cos(beta))
        alpha, gamma = np.arctan2(-y[0] * sign, y[1] * sign), np.arctan2(-x[2] * sign, z[2] * sign)
    alpha, beta, gamma = np.rad2deg([alpha, beta, gamma])
    return float(alpha % 360), float((beta + 180) % 360 - 180), float(gamma)


HELD = {
    "upright": ((390, 844), "portraitPrimary", 0),
    "left side down": ((844, 390), "landscapePrimary", 90),
    "upside down": ((390, 844), "portraitSecondary", 180),
    "right side down": ((844, 390), "landscapeSecondary", 270),
}


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("north", [0, 250])
def test_motion_starts_without_a_jump_and_is_the_right_way_up_however_the_phone_is_held(
    screen: Callable[..., Any], ready: str, secure: str, held: str, north: int
) -> None:
    size, kind, angle = HELD[held]
    page = screen(size, base=secure, is_mobile=True, has_touch=True)
    camera = page.page.context.new_cdp_session(page.page)
    camera.send(
        "Emulation.setDeviceMetricsOverride",
        {
            "width": size[0],
            "height": size[1],
            "deviceScaleFactor": 1,
            "mobile": True,
            "screenOrientation": {"type": kind, "angle": angle},
        },
    )

    def picture() -> np.ndarray:
        # Playwright's own way of looking at the screen turns the phone upright.
        encoded = base64.b64decode(camera.send("Page.captureScreenshot")["data"])
        return np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB")).astype(float)

    page.picture = picture
    through_the_warning(page, f"/v/{ready}#50,0")
    assert page.page.evaluate("screen.orientation.angle") == angle
    hold(page, *sensors_of(north, 10, angle))
    page.bare()
    page.page.get_by_role("button", name="Motion").click()
    page.page.locator('#motion[aria-pressed="true"]').wait_for()
    # Wherever north is, one goes on looking where one looked; the horizon is level, and as high as the phone is held.
    page.shows("upscaled", np.deg2rad(50), np.deg2rad(10))
    hold(page, *sensors_of(north + 35, -20, angle))
    page.shows("upscaled", np.deg2rad(85), np.deg2rad(-20))
    assert page.page.evaluate("screen.orientation.angle") == angle
    # Leaving it does not turn the view either.
    page.page.get_by_role("button", name="Motion").click()
    page.shows("upscaled", np.deg2rad(85), np.deg2rad(-20))


def test_on_plain_http_a_sentence_says_why_motion_is_off(screen: Callable[..., Any], ready: str) -> None:
    page = screen()
    page.page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    page.open(f"/v/{ready}")
    page.page.get_by_role("button", name="Motion").click()
    page.page.get_by_role("dialog").get_by_text("Browsers allow motion only on secure connections").wait_for()


def split(page: Any, lens: Lens = V2) -> None:
    """Into the split screen, its buttons out of sight."""
    page.page.get_by_role("button", name="Headset").click()
    page.page.get_by_role("radio", name=lens.name).check()
    page.page.get_by_role("button", name="Split the screen").click()
    page.style("#split,#sheet{opacity:0}")


def halves(picture: np.ndarray) -> list[np.ndarray]:
    middle = picture.shape[1] // 2
    return [picture[:, :middle], picture[:, middle:]]


GRID_STEP = 10
GRID_HALF = 0.3
"""Degrees between the lines of the grid photo, and half their width."""


def grid() -> np.ndarray:
    """A grid photo, uint8 [2048, 4096, 3]: meridians red, parallels blue, on white."""
    width = 4096
    yaw = (np.arange(width) + 0.5) / width * 360 - 180
    pitch = 90 - (np.arange(width // 2) + 0.5) / (width // 2) * 180

    def cover(angle: np.ndarray) -> np.ndarray:
        away = np.abs((angle + GRID_STEP / 2) % GRID_STEP - GRID_STEP / 2)
        return np.clip((GRID_HALF - away) / (360 / width) + 0.5, 0, 1)

    meridian, parallel = np.meshgrid(cover(yaw), cover(pitch))
    # A meridian takes green out, a parallel red: each is found in a channel of its own.
    return np.round(255 * np.stack([1 - parallel, 1 - meridian, np.ones_like(meridian)], axis=-1)).astype(np.uint8)


def middles(darkness: np.ndarray) -> list[float]:
    """Where along a row of darkness (0..1) lines cross it: the middle of each, in pixels from the first one's."""
    found = []
    on = np.flatnonzero(darkness > 0.25)
    for run in np.split(on, np.flatnonzero(np.diff(on) > 1) + 1):
        if len(run) and run[0] > 3 and run[-1] < len(darkness) - 4:
            near = np.arange(run[0] - 3, run[-1] + 4)
            found.append(float((darkness[near] * near).sum() / darkness[near].sum()))
    return found


@pytest.mark.parametrize("lens", [V1, V2], ids=lambda lens: lens.name)
def test_the_lines_of_a_grid_photo_lie_where_the_lens_polynomial_says(
    screen: Callable[..., Any], gallery: Any, encode: Any, lens: Lens
) -> None:
    """Measured on the screen, line by line, to a tenth of a degree; without the lens they would be off by ten."""
    photo = accept(gallery.library, encode(grid()), style=None)
    width, height, ratio = 844, 390, 2
    page = screen((width, height), device_scale_factor=ratio).open(f"/v/{photo.token}#0,0").bare()
    split(page, lens)
    size = width * ratio, height * ratio
    eyes = [lens.rays(*size, ratio, side) for side in (0, 1)]

    def errors() -> list[float]:
        """How many degrees each crossing is away from the nearest line of the grid."""
        off = []
        for half, (ray, dark) in zip(halves(page.picture()), eyes, strict=True):
            angles = np.rad2deg([np.arctan2(ray[..., 0], -ray[..., 2]), np.arcsin(ray[..., 1])])
            # Meridians along rows, parallels along columns.
            for channel, angle, axis in ((1, angles[0], 0), (0, angles[1], 1)):
                for line in range(40, half.shape[axis] - 40, 36):
                    pick = (line, slice(None)) if axis == 0 else (slice(None), line)
                    lit = np.where(dark[pick], 0, 1 - half[(*pick, channel)] / 255)
                    along, seen = angle[pick], ~dark[pick]
                    for at in middles(lit):
                        where = float(np.interp(at, np.arange(len(along)), along))
                        # Where the picture ends in the dark, and where a line runs along, there is no middle.
                        near = slice(max(0, int(at) - 12), int(at) + 13)
                        if seen[near].all() and np.abs(np.gradient(along[near])).min() > 0.04:
                            off.append(abs((where + GRID_STEP / 2) % GRID_STEP - GRID_STEP / 2))
        return off

    measured: list[float] = []

    def exact() -> bool:
        nonlocal measured
        measured = errors()
        return len(measured) > 150 and max(measured) < 0.1

    assert page.waits(exact), (len(measured), sorted(measured)[-8:])
    gallery.library.delete(photo.token, photo.owner_key)


def test_each_eye_sees_through_its_lens_exactly(screen: Callable[..., Any], ready: str, color: Any) -> None:
    width, height = 844, 390
    page = screen((width, height)).open(f"/v/{ready}#0,0")
    page.bare().shows("upscaled")
    split(page)
    gap = min(V2.gap * CSS_PIXELS_PER_METER, width * 0.62)
    eyes = [V2.rays(width, height, 1, side) for side in (0, 1)]

    def through_lenses() -> bool:
        off = []
        for half, (ray, dark) in zip(halves(page.picture()), eyes, strict=True):
            # The line between the eyes is drawn over two pixels.
            seen = ~dark
            seen[:, -2:] = seen[:, :2] = False
            off.append(np.abs(half - color(ray, "upscaled"))[seen].max())
        return max(off) <= 7

    assert page.waits(through_lenses)
    # The eyes differ by the distance between the lenses: each middle is where its lens is.
    picture = page.picture()
    middle = [round(width / 2 + sign * gap / 2) for sign in (-1, 1)]
    ahead = color(np.array([0.0, 0.0, -1.0]), "upscaled")
    for x in middle:
        assert np.abs(picture[height // 2, x] - ahead).max() < 5
    # Straight lines of the world are bent on the screen by exactly the polynomial: the corners are dark.
    assert picture[2, 2].max() < 3
    page.page.get_by_role("button", name="Leave the headset view").click()
    page.shows("upscaled")


def test_the_fit_is_remembered_on_the_phone(screen: Callable[..., Any], ready: str) -> None:
    page = screen((844, 390)).open(f"/v/{ready}#0,0")
    page.page.get_by_role("button", name="Headset").click()
    page.page.get_by_role("button", name="Fit it to this phone").click()
    mark = page.page.get_by_role("slider", name="Right mark")
    before = int(mark.get_attribute("aria-valuenow"))
    mark.focus()
    for _ in range(5):
        page.page.keyboard.press("ArrowLeft")
    page.page.get_by_role("button", name="It fits").click()
    fit = page.page.evaluate("JSON.parse(localStorage.getItem('dreamkiosk.headset'))")
    assert fit["apart"] == pytest.approx(before - 10, abs=1)


def test_over_under_photos_give_each_eye_its_own_picture(
    screen: Callable[..., Any], gallery: Any, sphere: Any, encode: Any
) -> None:
    """The upper half is the left eye's, the lower half the right eye's."""
    both = np.concatenate([sphere("original"), sphere("dream")])
    tagged = with_xmp(encode(both), picture_xmp(both.shape[1], both.shape[0], {}, sphere=True) or b"")
    photo = accept(gallery.library, tagged, style=None)
    page = screen((844, 390)).open(f"/v/{photo.token}#0,0")
    page.page.get_by_role("radio", name="Photo").click()
    page.bare().shows("original")
    split(page)
    gap = min(V2.gap * CSS_PIXELS_PER_METER, 844 * 0.62)
    left, right = page.ahead("original"), page.ahead("dream")

    def two() -> bool:
        picture = page.picture()
        where = [round(422 + sign * gap / 2) for sign in (-1, 1)]
        return bool(
            np.abs(picture[195, where[0]] - left).max() < 6 and np.abs(picture[195, where[1]] - right).max() < 6
        )

    assert page.waits(two)


def test_the_wipe_stands_in_the_world_with_a_headset_on(screen: Callable[..., Any], ready: str, color: Any) -> None:
    """One presses Compare, puts the phone into the holder and turns: the line stays where it stood."""
    width, height = 844, 390
    page = screen((width, height)).open(f"/v/{ready}#0,0").bare().shows("upscaled")
    page.page.get_by_role("button", name="Compare").click()
    split(page)
    page.style("#wipe,.side{opacity:0}")
    eyes = [V2.rays(width, height, 1, side) for side in (0, 1)]
    for turned in (0, 25, -40):
        page.page.evaluate(f"location.hash = '{turned},0'")
        cos, sin = np.cos(np.deg2rad(turned)), np.sin(np.deg2rad(turned))
        turn = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])

        def divided(turn: np.ndarray = turn) -> bool:
            off = []
            for half, (ray, dark) in zip(halves(page.picture()), eyes, strict=True):
                world = ray @ turn.T
                # The plane through the eye that the line lies in; the line itself and its glow are left out.
                side = world[..., 0]
                seen = ~dark
                seen[:, -2:] = seen[:, :2] = False
                for look, there in (("original", side < -0.12), ("upscaled", side > 0.12)):
                    if (seen & there).any():
                        off.append(np.abs(half - color(world, look))[seen & there].max())
            return len(off) >= 2 and max(off) <= 8

        assert page.waits(divided), turned


def test_the_headsets_button_goes_through_pictures_and_comparison(screen: Callable[..., Any], ready: str) -> None:
    page = screen((844, 390)).open(f"/v/{ready}#0,0").bare().shows("upscaled")
    split(page)
    at = round(422 - min(V2.gap * CSS_PIXELS_PER_METER, 844 * 0.62) / 2)

    def sees(look: str, x: int = at) -> bool:
        return page.waits(lambda: np.abs(page.picture()[195, x] - page.ahead(look)).max() < 14)

    def press(milliseconds: int = 0) -> None:
        page.page.mouse.move(200, 300)
        page.page.mouse.down()
        page.page.wait_for_timeout(milliseconds)
        page.page.mouse.up()

    assert sees("upscaled")
    press()
    page.page.locator('#compare[aria-pressed="true"]').wait_for(state="attached")
    # Left of the line the photo, right of it the dream.
    assert sees("original", at - 12)
    assert sees("upscaled", at + 12)
    for words in ("Breathing between", "What you look at"):
        press()
        page.page.get_by_text(words).wait_for(state="attached")
    press()
    assert sees("original")
    press()
    assert sees("dream")
    # Held longer it faces forward again.
    page.page.evaluate("location.hash = '70,0'")
    assert page.waits(lambda: np.abs(page.picture()[195, at] - page.ahead("dream")).max() > 40)
    press(900)
    assert sees("dream")


needs_iwer = pytest.mark.skipif(not IWER.is_file(), reason="development tools are not installed: npm install in web/")


def put_on(page: Any) -> None:
    """Enter with the emulated headset."""
    page.page.get_by_role("button", name="Headset").click()
    page.page.get_by_role("button", name="Enter with your headset").click()
    page.page.locator('#headset[aria-pressed="true"]').wait_for(state="attached")


def turn_head(page: Any, yaw: float) -> None:
    half = -np.deg2rad(yaw) / 2
    page.page.evaluate(
        "([y, w]) => window.device.quaternion.set(0, y, 0, w)", [float(np.sin(half)), float(np.cos(half))]
    )


@pytest.fixture
def wearer(screen: Callable[..., Any]) -> Any:
    """A page in a browser that has a WebXR headset."""
    page = screen((844, 390))
    page.page.add_init_script(IWER.read_text(encoding="utf-8"))
    # Without forceInstall the emulator steps aside for the browser's own, and nothing would be tested.
    page.page.add_init_script("""
      window.device = new IWER.XRDevice(IWER.metaQuest3);
      window.device.installRuntime({ forceInstall: true });
      window.device.stereoEnabled = true;
    """)
    return page


@needs_iwer
def test_a_headset_with_webxr_sees_what_it_is_turned_to(wearer: Any, ready: str) -> None:
    page = wearer.open(f"/v/{ready}#0,0").bare().shows("upscaled")
    put_on(page)
    for yaw in (0, 40, -75):
        turn_head(page, yaw)
        wanted = page.ahead("upscaled", np.deg2rad(yaw))

        def looked(wanted: np.ndarray = wanted) -> bool:
            # Each eye's field is wider outwards; ahead is left and right of the middle, where the colors match.
            rows = [half[half.shape[0] // 2] for half in halves(page.picture())]
            return all(np.abs(row - wanted).max(axis=-1).min() < 6 for row in rows)

        assert page.waits(looked), yaw


@needs_iwer
def test_the_wipe_stands_in_the_world_with_a_webxr_headset_on(wearer: Any, ready: str) -> None:
    page = wearer.open(f"/v/{ready}#0,0").bare().shows("upscaled")
    page.page.get_by_role("button", name="Compare").click()
    page.style("#wipe,.side{opacity:0}")
    put_on(page)
    photo, dream = page.ahead("original"), page.ahead("upscaled")
    places = {}
    for yaw in (0, 20, -20):
        turn_head(page, yaw)

        def line(row: np.ndarray) -> int | None:
            """Where on the horizon the photo ends and the dream begins, both as they are straight ahead of the start;
            looked at a little beside the line, which glows."""
            left, right = (np.abs(row - seen).max(axis=-1) for seen in (photo, dream))
            apart = np.maximum(left[:-32], right[32:])
            return int(apart.argmin()) + 16 if apart.min() < 30 else None

        def divided() -> bool:
            found = [line(half[half.shape[0] // 2]) for half in halves(page.picture())]
            places[yaw] = found  # noqa: B023
            return None not in found

        assert page.waits(divided), (yaw, places)
    # Who turns right sees it further left, in both eyes.
    for left, ahead, right in zip(places[20], places[0], places[-20], strict=True):
        assert left + 30 < ahead < right - 30
