#!/usr/bin/env python3
"""Draw the pictures of the pages that the documentation shows: a kiosk is started, dreams, and is looked at.

    python -m tests.bench.screenshots [OUT] [--port 8460] [--only NAME ...]

OUT is models/pictures/ by default. The kiosk has a folder of its own, which is removed at the end, and listens on PORT
and PORT + 1 of this machine alone; its photos are the virtual camera's. Needs Chromium. It takes a few minutes: the
networks are built and four photos are dreamed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from kiosk.capture.virtual_camera import VirtualCamera
from kiosk.pictures.sphere_jpeg import encode_jpeg
from tests.browser.conftest import PHONE, start_chromium

PICTURES = Path(__file__).parents[2] / "models" / "pictures"
LARGEST = 80_000
"""bytes of a picture."""
QUALITIES = (88, 80, 72, 64, 56, 48, 40)
SETTINGS = """
[network]
name = "Dream Kiosk"
wifi_name = "Gallery"
wifi_password = "dream with us"

[dream]
width = 2048
"""
STYLES = ("temples", "butterflies", "flamingos")
"""Of the photos that guests bring; the last one is what the pages show."""
SETTLED = 2500
"""milliseconds until a page has loaded its pictures and its movements have ended."""


@dataclass
class Kiosk:
    """A running kiosk and what was brought to it: the last guest's photo, and its token."""

    port: int
    photo: bytes = b""
    token: str = ""

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.base + path, timeout=60) as answer:
            return json.load(answer)

    def bring(self, photo: bytes, style: str) -> str:
        """Upload a photo, others may see it; its token."""
        fields = {"style": style, "show": "yes"}
        parts = [f'--edge\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
        head = '--edge\r\nContent-Disposition: form-data; name="photo"; filename="photo.jpg"\r\n\r\n'
        body = "".join(parts).encode() + head.encode() + photo + b"\r\n--edge--\r\n"
        request = urllib.request.Request(
            f"{self.base}/api/photos", body, {"Content-Type": "multipart/form-data; boundary=edge"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["token"]

    def ready(self) -> list[str]:
        """Tokens of the photos that are ready and may be seen."""
        return [photo["token"] for photo in self.get("/api/photos")["photos"]]


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 900) -> Any:
    """What `condition` gives as soon as it is true; TimeoutError after `seconds`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if found := condition():
                return found
        time.sleep(0.5)
    raise TimeoutError(f"{what} did not happen in {seconds:.0f} s")


@contextlib.contextmanager
def running(folder: Path, port: int) -> Iterator[Kiosk]:
    """`dreamkiosk run --demo` on a new data folder, until the block ends."""
    (folder / "data").mkdir()
    (folder / "data" / "settings.toml").write_text(SETTINGS)
    command = [sys.executable, "-c", "from kiosk.cli import main; main()", "--data", str(folder / "data"), "run"]
    process = subprocess.Popen(
        [*command, "--demo", "--host", "127.0.0.1", "--port", str(port), "--tls-port", str(port + 1)],
        env={**os.environ, "DREAMKIOSK_RUNTIME": str(folder / "runtime")},
        start_new_session=True,
    )
    try:
        kiosk = Kiosk(port)
        wait_for(kiosk.ready, "the first dream")
        yield kiosk
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def guests_photos() -> list[bytes]:
    """One photo for each of STYLES, as a guest's camera would have taken it."""
    cameras = [VirtualCamera(time=19.2, seed=11), VirtualCamera("indoor", time=16.5), VirtualCamera(time=10.5, seed=3)]
    shots = [camera.capture().picture for camera in cameras]
    return [encode_jpeg(picture, quality=92, gpano=True) for picture in shots if picture is not None]


def booth(page: Page, kiosk: Kiosk) -> None:
    page.goto(f"{kiosk.base}/booth")
    page.locator("#open-code").wait_for()


def landing(page: Page, kiosk: Kiosk) -> None:
    page.goto(f"{kiosk.base}/")
    page.locator("#gallery li").first.wait_for()


def choosing(page: Page, kiosk: Kiosk) -> None:
    landing(page, kiosk)
    photo = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": kiosk.photo}
    page.locator("#photo").set_input_files(photo)  # type: ignore[arg-type]
    page.locator("#styles input").first.wait_for(state="attached")


def viewer(page: Page, kiosk: Kiosk, yaw: int = 27, pitch: int = 8) -> None:
    page.goto(f"{kiosk.base}/v/{kiosk.token}#{yaw},{pitch}")
    page.locator("#dock").wait_for()


def headset(page: Page, kiosk: Kiosk) -> None:
    viewer(page, kiosk, -15, 4)
    page.locator("#headset").click()
    page.get_by_role("button", name="Split the screen").click()
    page.locator("#split").wait_for()


def operator(page: Page, kiosk: Kiosk) -> None:
    page.goto(f"{kiosk.base}/operator")
    page.get_by_role("heading", name="Photos", exact=True).wait_for()


PHONE_ASIDE = (PHONE[1], PHONE[0])
VIEWS: dict[str, tuple[Callable[[Page, Kiosk], None], tuple[int, int], float, int]] = {
    "booth": (booth, (1600, 900), 1, 1200),
    "operator": (operator, (1100, 900), 1, 1100),
    "landing": (landing, PHONE, 2, 520),
    "choosing": (choosing, PHONE, 2, 520),
    "viewer": (viewer, PHONE, 2, 520),
    "headset": (headset, PHONE_ASIDE, 2, 1000),
}
"""Name of the picture -> how to get there, the screen in CSS pixels, pixels of each, and the picture's width. The first
two show a queue, which is soon gone."""


def small(png: bytes, width: int) -> bytes:
    """A screenshot as WebP, `width` pixels across, in the best quality that LARGEST allows."""
    with Image.open(io.BytesIO(png)) as opened:
        picture = opened.convert("RGB")
    picture = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
    for quality in QUALITIES:
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=quality, method=6)
        if buffer.tell() < LARGEST:
            return buffer.getvalue()
    raise ValueError(f"no quality brings it below {LARGEST} bytes; make it less wide")


def draw(browser: Any, kiosk: Kiosk, name: str, out: Path) -> None:
    way, (width, height), ratio, drawn = VIEWS[name]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=ratio,
        has_touch=width in PHONE,
        locale="en-GB",
        timezone_id="UTC",
    )
    with contextlib.closing(context):
        context.set_default_timeout(120_000)
        page = context.new_page()
        way(page, kiosk)
        page.wait_for_timeout(SETTLED)
        (out / f"{name}.webp").write_bytes(small(page.screenshot(), drawn))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=Path, default=PICTURES, metavar="OUT")
    parser.add_argument("--port", type=int, default=8460)
    parser.add_argument("--only", nargs="*", choices=tuple(VIEWS), default=tuple(VIEWS))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), arguments.port) as kiosk:
        photos = guests_photos()
        tokens = [kiosk.bring(photo, style) for photo, style in zip(photos, STYLES, strict=True)]
        kiosk.photo, kiosk.token = photos[-1], tokens[-1]
        wait_for(lambda: set(tokens) <= set(kiosk.ready()), "the guests' dreams")
        for photo in photos:
            kiosk.bring(photo, "dogs")
        with sync_playwright() as playwright:
            browser = start_chromium(playwright.chromium)
            for name in (name for name in VIEWS if name in arguments.only):
                draw(browser, kiosk, name, arguments.out)
            browser.close()


if __name__ == "__main__":
    main()
