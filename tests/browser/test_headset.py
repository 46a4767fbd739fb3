"""Motion, the split screen, and a real headset: the gaze and both eyes, pixel by pixel."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kiosk.library.intake import accept

pytestmark = pytest.mark.browser

IWER = (Path(__file__).parents[2] / "kiosk" / "web").resolve() / "node_modules" / "iwer" / "build" / "iwer.min.js"
# Metres, and the constants that Google published for its second viewer.
GAP, FAR, K1, K2, WIDEST = 0.064, 0.039, 0.34, 0.55, np.deg2rad(60)
CSS_PIXELS_PER_METRE = 155 / 0.0254

SERVE_SECURELY = """
import sys
from pathlib import Path
from kiosk.lan.certificates import ensure_certificate
from kiosk.server.app import create_app
from kiosk.server.serve import serve
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
    process.wait(20)
    process.stdout.close()


def through_the_warning(page: Any, path: str) -> None:
    """Open a page whose certificate the browser does not know, and click through as a guest does."""
    with pytest.raises(Exception, match="ERR_CERT_AUTHORITY_INVALID"):
        page.page.goto(page.base + path)
    # The warning is a page of its own, which listens once it stands.
    assert page.waits(lambda: page.page.title() == "Privacy error")
    page.page.wait_for_timeout(800)
    page.page.keyboard.type("thisisunsafe", delay=30)
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


def test_motion_is_the_right_way_up_in_a_phone_held_sideways(
    screen: Callable[..., Any], ready: str, secure: str
) -> None:
    page = screen((844, 390), base=secure, is_mobile=True, has_touch=True)
    through_the_warning(page, f"/v/{ready}#0,0")
    hold(page, 90, 0, -90)
    page.bare()
    page.page.get_by_role("button", name="Motion").click()
    page.page.locator('#motion[aria-pressed="true"]').wait_for()
    assert page.page.evaluate("screen.orientation.angle") == 90
    page.shows("upscaled")
    hold(page, 60, 0, -90)
    page.shows("upscaled", np.deg2rad(30))


def test_on_plain_http_a_sentence_says_why_motion_is_off(screen: Callable[..., Any], ready: str) -> None:
    page = screen()
    page.page.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    page.open(f"/v/{ready}")
    page.page.get_by_role("button", name="Motion").click()
    page.page.get_by_role("dialog").get_by_text("Browsers allow motion only on secure connections").wait_for()


def eye(width: int, height: int, side: int, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Directions [height, width / 2, 3] that the pixels of one half see through the lens, and where that is dark."""
    metre = CSS_PIXELS_PER_METRE
    x = np.arange(width // 2) + 0.5 + (width // 2 if side else 0) - (width / 2 + (gap if side else -gap) / 2)
    y = height / 2 - (np.arange(height) + 0.5)
    sx, sy = np.meshgrid(x / metre / FAR, y / metre / FAR)
    r2 = sx**2 + sy**2
    bend = 1 + K1 * r2 + K2 * r2**2
    ray = np.stack([sx * bend, sy * bend, -np.ones_like(sx)], axis=-1)
    dark = np.hypot(ray[..., 0], ray[..., 1]) > np.tan(WIDEST) * 0.93
    return ray / np.linalg.norm(ray, axis=-1, keepdims=True), dark


def test_each_eye_sees_through_its_lens_exactly(screen: Callable[..., Any], ready: str, colour: Any) -> None:
    width, height = 844, 390
    page = screen((width, height)).open(f"/v/{ready}#0,0")
    page.bare().shows("upscaled")
    page.page.get_by_role("button", name="Headset").click()
    page.page.get_by_role("button", name="Split the screen").click()
    page.style("#split,#sheet{opacity:0}")
    gap = min(GAP * CSS_PIXELS_PER_METRE, width * 0.62)
    halves = [eye(width, height, side, gap) for side in (0, 1)]

    def through_lenses() -> bool:
        picture = page.picture()
        off = []
        for side, (ray, dark) in enumerate(halves):
            half = picture[:, side * (width // 2) : (side + 1) * (width // 2)]
            # The lines between the eyes is drawn over two pixels.
            seen = ~dark
            seen[:, -2:] = seen[:, :2] = False
            off.append(np.abs(half - colour(ray, "upscaled"))[seen].max())
        return max(off) <= 7

    assert page.waits(through_lenses)
    # The eyes differ by the distance between the lenses: each middle is where its lens is.
    picture = page.picture()
    middle = [round(width / 2 + sign * gap / 2) for sign in (-1, 1)]
    ahead = colour(np.array([0.0, 0.0, -1.0]), "upscaled")
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
    photo = accept(gallery.library, encode(both), style=None)
    job = gallery.lease()
    gallery.library.jobs.say_stereo(job, "top-bottom")
    page = screen((844, 390)).open(f"/v/{photo.token}#0,0")
    page.page.get_by_role("radio", name="Photo").click()
    page.bare().shows("original")
    page.page.get_by_role("button", name="Headset").click()
    page.page.get_by_role("button", name="Split the screen").click()
    page.style("#split,#sheet{opacity:0}")
    gap = min(GAP * CSS_PIXELS_PER_METRE, 844 * 0.62)
    left, right = page.ahead("original"), page.ahead("dream")

    def two() -> bool:
        picture = page.picture()
        where = [round(422 + sign * gap / 2) for sign in (-1, 1)]
        return bool(
            np.abs(picture[195, where[0]] - left).max() < 6 and np.abs(picture[195, where[1]] - right).max() < 6
        )

    assert page.waits(two)


@pytest.mark.skipif(not IWER.is_file(), reason="development tools are not installed: npm install in web/")
def test_a_headset_with_webxr_sees_what_it_is_turned_to(screen: Callable[..., Any], ready: str) -> None:
    page = screen((844, 390))
    page.page.add_init_script(IWER.read_text(encoding="utf-8"))
    # Without forceInstall the emulator steps aside for the browser's own, and nothing would be tested.
    page.page.add_init_script("""
      window.device = new IWER.XRDevice(IWER.metaQuest3);
      window.device.installRuntime({ forceInstall: true });
      window.device.stereoEnabled = true;
    """)
    page.open(f"/v/{ready}#0,0").bare().shows("upscaled")
    page.page.get_by_role("button", name="Headset").click()
    page.page.get_by_role("button", name="Enter with your headset").click()
    page.page.locator('#headset[aria-pressed="true"]').wait_for(state="attached")
    for yaw in (0, 40, -75):
        half = -np.deg2rad(yaw) / 2
        page.page.evaluate(
            "([y, w]) => window.device.quaternion.set(0, y, 0, w)", [float(np.sin(half)), float(np.cos(half))]
        )
        wanted = page.ahead("upscaled", np.deg2rad(yaw))

        def looked(wanted: np.ndarray = wanted) -> bool:
            picture = page.picture()
            height, width = picture.shape[:2]
            # Each eye's field is wider outwards; ahead is left and right of the middle, where the colours match.
            rows = picture[height // 2]
            left, right = rows[: width // 2], rows[width // 2 :]
            return bool(np.abs(left - wanted).max(axis=-1).min() < 6 and np.abs(right - wanted).max(axis=-1).min() < 6)

        assert page.waits(looked), yaw
