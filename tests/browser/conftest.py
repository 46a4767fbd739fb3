"""A real headless Chromium, the real server, and spheres whose every color is known."""

from __future__ import annotations

import contextlib
import io
import json
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kiosk.library import heartbeat
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.library.records import Image as Record
from kiosk.library.records import Job, Photo
from kiosk.pictures.sphere_jpeg import encode_jpeg
from kiosk.pipeline.publish import publish_dream, publish_sphere
from tests.browser.spheres import FIELD, color, direction, seen, sphere

sync_api = pytest.importorskip("playwright.sync_api")

ARGUMENTS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = (390, 844)
WEB = (Path(__file__).parents[2] / "kiosk" / "web").resolve()
KEYS = sorted({key for path in WEB.glob("*/i18n/en.json") for key in json.loads(path.read_text(encoding="utf-8"))})
"""The names of all sentences of the pages."""


@dataclass
class Gallery:
    """Puts photos into the library as intake and worker would."""

    library: Library

    def bring(self, look: str = "original", width: int = 1024, origin: str = "camera") -> Photo:
        """A photo as it is right after the upload; of the kiosk's own camera, so that others may see it."""
        return accept(self.library, encode_jpeg(sphere(look, width), 95, gpano=True), style=None, origin=origin)

    def lease(self) -> Job:
        # A worker that asks again under its own name would be given its old job back.
        job = self.library.jobs.lease(f"test {secrets.token_hex(4)}", seconds=600)
        assert job is not None
        return job

    def preview(self, job: Job, number: int, look: str = "preview", width: int = 512) -> None:
        """One frame of the growing dream."""
        files = self.library.files(job.token)
        files.previews.mkdir(parents=True, exist_ok=True)
        files.preview(number).write_bytes(encode_jpeg(sphere(look, width), 95, gpano=False))
        self.library.jobs.add_images(job, [Record("preview", f"previews/{number}.jpg", width, width // 2)])
        self.library.jobs.progress(job, "dreaming", 0.3 + number / 100, 20.0)

    def finish(self, job: Job, width: int = 2048) -> None:
        """Dream and enlarged dream, with all levels, and the photo is ready."""
        files = self.library.files(job.token)
        images = [publish_dream(files, sphere("dream", 1024), "test")]
        images += publish_sphere(files, sphere("upscaled", width), "test")
        self.library.jobs.add_images(job, images)
        self.library.jobs.finish(job)

    def ready(self, width: int = 2048) -> Photo:
        photo = self.bring()
        # Photos that other tests of the module sent and left are before it in the queue.
        while (job := self.lease()).token != photo.token:
            self.library.jobs.fail(job, "left behind", "failed")
        self.finish(job, width)
        return photo

    def picture(self, job: Job, kind: Any, name: str, width: int, height: int, data: bytes) -> None:
        """Any picture file of a photo."""
        path = self.library.files(job.token).folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.library.jobs.add_images(job, [Record(kind, name, width, height)])


@pytest.fixture(scope="module")
def gallery_of() -> Iterator[Callable[[Any], Gallery]]:
    """A function that gives the library of a running server. Preview frames go where that server looks for them."""
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())

        def open_library(server: Any) -> Gallery:
            patch.setenv("DREAMKIOSK_RUNTIME", str(server.data.root.parent / "runtime"))
            over = threading.Event()

            def beat() -> None:
                # The gallery is the worker; a kiosk without one says so on the big screen.
                while not over.wait(2):
                    heartbeat.beat(server.data, "worker")

            heartbeat.beat(server.data, "worker")
            worker = threading.Thread(target=beat)
            worker.start()
            stack.callback(worker.join)
            stack.callback(over.set)
            return Gallery(stack.enter_context(Library(server.data)))

        yield open_library


@pytest.fixture(scope="module")
def gallery(server: Any, gallery_of: Callable[[Any], Gallery]) -> Gallery:
    """The library of this module's server."""
    return gallery_of(server)


@pytest.fixture(scope="module")
def ready(gallery: Gallery) -> str:
    """The token of a finished dream."""
    return gallery.ready().token


@pytest.fixture(scope="session")
def codes() -> Callable[[np.ndarray], list[str]]:
    """A function that says what the QR codes on a screenshot say."""
    decoder = pytest.importorskip("zxingcpp")
    return lambda picture: sorted(found.text for found in decoder.read_barcodes(picture.astype(np.uint8)))


@pytest.fixture(name="color")
def _color() -> Callable[..., np.ndarray]:
    return color


@pytest.fixture(name="sphere")
def _sphere() -> Callable[..., np.ndarray]:
    return sphere


@pytest.fixture
def encode() -> Callable[[np.ndarray], bytes]:
    """A picture as the bytes of a JPEG, nearly without loss."""
    return lambda picture: encode_jpeg(picture, 95, gpano=False)


@pytest.fixture
def sphere_file(tmp_path: Path) -> Path:
    """A guest's 360 photo as a file."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(encode_jpeg(sphere("original"), 95, gpano=True))
    return path


def start_chromium(kind: Any, **options: Any) -> Any:
    """A browser of Playwright's `kind`; skips the test where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    try:
        return kind.launch(executable_path=found, args=ARGUMENTS, **options)
    except sync_api.Error as error:
        if found:
            raise  # one that is there and does not start is a fault, and no reason to look away
        pytest.skip(f"no Chromium; `python -m tests` installs it: {str(error).splitlines()[0]}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for all tests."""
    with sync_api.sync_playwright() as playwright:
        browser = start_chromium(playwright.chromium)
        yield browser
        browser.close()


class Screen:
    """A page, looked at as pixels. Errors in its script fail the test."""

    def __init__(self, page: Any, base: str) -> None:
        self.page = page
        self.base = base
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, path: str) -> Screen:
        self.page.goto(self.base + path)
        return self

    def picture(self) -> np.ndarray:
        """What is on the screen, float [height, width, 3]."""
        return np.asarray(Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")).astype(float)

    def bare(self) -> Screen:
        """Controls out of the way, as after a tap on the picture."""
        return self.style("#top,#dock,#live,#veil,#progress,#notice{opacity:0!important;transition:none!important}")

    def style(self, text: str) -> Screen:
        """Add a style sheet, in the way that the page's security policy leaves to scripts."""
        self.page.evaluate(
            "text => { const s = new CSSStyleSheet(); s.replaceSync(text);"
            " document.adoptedStyleSheets = [...document.adoptedStyleSheets, s]; }",
            text,
        )
        return self

    def shows(self, look: str, yaw: float = 0, pitch: float = 0, field: float = FIELD, tolerance: float = 7) -> Screen:
        """Wait until every pixel of the screen is that of the picture seen at this angle (radians)."""
        expected = self.expected(look, yaw, pitch, field)
        error: np.ndarray = np.array([])

        def alike() -> bool:
            nonlocal error
            error = np.abs(self.picture() - expected)
            return bool(error.max() <= tolerance)

        assert self.waits(alike), f"{look} at {yaw:.2f}, {pitch:.2f}: off by {error.max():.0f}, mean {error.mean():.1f}"
        return self

    def expected(self, look: str, yaw: float = 0, pitch: float = 0, field: float = FIELD) -> np.ndarray:
        """What this screen should show of a picture."""
        size = self.page.viewport_size
        ratio = self.page.evaluate("devicePixelRatio")
        return seen(look, yaw, pitch, round(size["width"] * ratio), round(size["height"] * ratio), field)

    def ahead(self, look: str, yaw: float = 0) -> np.ndarray:
        """The color of a picture on the horizon."""
        return color(direction(np.float64(yaw), np.float64(0)), look)

    def center(self) -> np.ndarray:
        picture = self.picture()
        return picture[picture.shape[0] // 2, picture.shape[1] // 2]

    def record(self) -> Callable[[], np.ndarray]:
        """Keep the middle pixel of every frame that is drawn from now on, however slowly the screen is looked at.

        Returns a function that gives them, float [frames, 3].
        """
        self.page.evaluate("""async () => {
          const { app } = await import("/static/viewer/state.js");
          const { renderer } = app.stage;
          const draw = renderer.draw;
          window.frames_seen = [];
          renderer.draw = function (...what) {
            draw.apply(this, what);
            const { gl } = this;
            const [x, y] = [gl.drawingBufferWidth >> 1, gl.drawingBufferHeight >> 1];
            const pixel = new Uint8Array(4);
            gl.readPixels(x, y, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
            window.frames_seen.push([...pixel.slice(0, 3)]);
          };
        }""")
        return lambda: np.array(self.page.evaluate("window.frames_seen"), float).reshape(-1, 3)

    def settles(self) -> Screen:
        """Wait until the words are there and nothing changes or moves any more."""
        self.page.wait_for_function(
            """() => {
              const { body } = document;
              const ready = document.readyState === "complete" && !body.classList.contains("loading")
                && !document.querySelector("[data-t-label]:not([aria-label])");
              const before = window.looked_at;
              window.looked_at = body.outerHTML;
              return ready && before === window.looked_at
                && document.getAnimations().every((one) => one.playState !== "running");
            }""",
            polling=400,
        )
        return self

    def keys_shown(self) -> list[str]:
        """What the page says, to screen readers too, that is the name of a sentence instead of the sentence."""
        if self.page.is_closed():
            return []
        return self.page.evaluate(
            """keys => [...document.querySelectorAll("body *")]
              .flatMap((one) => [one.getAttribute("aria-label"), one.childElementCount ? null : one.textContent])
              .filter((text) => text && keys.includes(text.trim()))""",
            KEYS,
        )

    def frames(self, count: int) -> Screen:
        """Let the browser draw so many frames, however long it takes for them."""
        self.page.evaluate(
            """count => new Promise((done) => {
              const next = () => (count-- > 0 ? requestAnimationFrame(next) : done());
              next();
            })""",
            count,
        )
        return self

    def waits(self, check: Callable[[], bool], seconds: float = 40) -> bool:
        """Whether `check` comes true in time."""
        until = time.monotonic() + seconds
        while True:
            if check():
                return True
            if time.monotonic() > until:
                return False
            # Requests, responses and events of the page are told to the test only while it waits for the browser.
            self.page.wait_for_timeout(100)


@pytest.fixture
def screen(chromium: Any, server: Any) -> Iterator[Callable[..., Screen]]:
    """A function that makes a fresh page of a given size; `still` asks for reduced motion."""
    contexts = []
    screens: list[Screen] = []

    def make(size: tuple[int, int] = PHONE, *, still: bool = True, base: str | None = None, **options: Any) -> Screen:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            reduced_motion="reduce" if still else "no-preference",
            locale=options.pop("locale", "en-GB"),
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(60000)
        made = Screen(context.new_page(), base or f"http://127.0.0.1:{server.port}")
        screens.append(made)
        return made

    yield make
    keys = [made.keys_shown() for made in screens]
    for context in contexts:
        context.close()
    assert not any(keys), f"shown instead of words: {keys}"
    for made in screens:
        assert not made.errors, made.errors
