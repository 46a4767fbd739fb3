"""The big screen: the dream turns, the code opens, and nothing that happens to the server leaves it white."""

from __future__ import annotations

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

from kiosk.storage import DataFolder

pytestmark = pytest.mark.browser

BIG = (1920, 1080)
ANY_SIZE = [(1920, 1080), (1080, 1920), (844, 390), (320, 640)]


@pytest.mark.parametrize("size", ANY_SIZE)
def test_the_code_on_the_screen_opens_the_dream(
    screen: Callable[..., Any], ready: str, size: tuple[int, int], codes: Callable[..., list[str]]
) -> None:
    page = screen(size).open("/booth")
    page.page.locator("#open-code").wait_for()
    url = ""

    def decoded() -> bool:
        nonlocal url
        url = next((text for text in codes(page.picture()) if "/v/" in text), "")
        return bool(url)

    assert page.waits(decoded), "no code could be read from the screen"
    assert url.endswith(f"/v/{ready}")
    page.page.close()
    path = url.split("/", 3)[3]
    guest = screen().open(f"/{path}#0,0").bare()
    guest.shows("upscaled")


def test_the_latest_dream_turns_slowly(screen: Callable[..., Any], ready: str) -> None:
    page = screen((640, 360), still=False).open("/booth")
    page.style("header,footer,#panel,#veil{opacity:0}")
    light = page.expected("upscaled", field=np.deg2rad(100)).mean()
    assert page.waits(lambda: abs(page.picture().mean() - light) < 30)
    before = page.center()
    assert page.waits(lambda: np.abs(page.center() - before).max() > 12)


def test_a_new_dream_takes_the_screen(screen: Callable[..., Any], gallery: Any, ready: str) -> None:
    page = screen(BIG).open("/booth")
    page.page.locator(f'#open-code[src*="{ready}"]').wait_for()
    photo = gallery.ready()
    page.page.locator(f'#open-code[src*="{photo.token}"]').wait_for()


def test_before_the_first_dream_the_code_invites(
    screen: Callable[..., Any], start_server: Callable[..., Any], codes: Callable[..., list[str]]
) -> None:
    empty = start_server()
    page = screen(BIG, base=f"http://127.0.0.1:{empty.port}").open("/booth")
    page.page.get_by_text("Scan to dream your own photo").wait_for()
    assert page.waits(lambda: any(text.rstrip("/").endswith(str(empty.port)) for text in codes(page.picture())))


def test_what_is_wrong_is_said_beside_the_code(
    screen: Callable[..., Any], start_server: Callable[..., Any], codes: Callable[..., list[str]]
) -> None:
    """Without a worker nothing is dreamed, but what was dreamed can still be looked at."""
    # The kiosk gives its worker half a minute to start, here a second.
    alone = start_server(constants={"kiosk.server.live.screen.STARTING_SECONDS": 1.0})
    pages = [screen(size, base=f"http://127.0.0.1:{alone.port}").open("/booth") for size in ANY_SIZE]
    for page in pages:
        page.page.get_by_role("alert").get_by_text("Dreaming begins in a while").wait_for()
        assert page.waits(lambda page=page: any(str(alone.port) in text for text in codes(page.picture())))


@pytest.mark.parametrize("size", ANY_SIZE)
def test_the_wifi_code_is_as_large_as_the_other_and_both_are_read(
    screen: Callable[..., Any],
    start_server: Callable[..., Any],
    tmp_path: Path,
    size: tuple[int, int],
    codes: Callable[..., list[str]],
) -> None:
    data = DataFolder(tmp_path / "data")
    data.root.mkdir()
    data.settings.write_text('[network]\nwifi_name = "Tea; \\"two\\""\nwifi_password = "semi;colon"\n')
    page = screen(size, base=f"http://127.0.0.1:{start_server(data).port}").open("/booth")
    page.page.locator("#join").wait_for()
    wanted = r"WIFI:T:WPA;S:Tea\; \"two\";P:semi\;colon;;"
    assert page.waits(lambda: wanted in codes(page.picture()))
    assert any(text.startswith("http://127.0.0.1:") for text in codes(page.picture()))
    papers = [page.page.locator(".paper").nth(number).bounding_box() for number in (0, 1)]
    assert papers[0]["width"] == pytest.approx(papers[1]["width"], rel=0.02)


@pytest.mark.parametrize("ratio", [1, 2])
def test_every_module_of_a_code_has_the_same_number_of_pixels(
    screen: Callable[..., Any], ready: str, ratio: int
) -> None:
    page = screen(BIG, device_scale_factor=ratio).open("/booth")
    code = page.page.locator("#open-code")
    code.wait_for()
    assert page.waits(lambda: code.evaluate("image => image.complete && image.style.width !== ''"))

    def even() -> bool:
        picture = np.asarray(Image.open(io.BytesIO(code.screenshot())).convert("L"))
        dark = picture < 128
        rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
        dark = dark[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        module = dark.shape[1] / 29
        lengths = np.concatenate([np.diff(np.flatnonzero(np.diff(row))) for row in dark])
        # 29 modules a side; the finder pattern is seven of them, and no edge is soft.
        soft = ((picture > 8) & (picture < 247)).mean()
        return bool(module >= 9 and module == int(module) and not (lengths % module).any() and soft < 0.01)

    assert page.waits(even)


SERVE = """
import sys
from pathlib import Path
from kiosk.server.app import create_app
from kiosk.server.http.serve import serve
from kiosk.storage import DataFolder
app = create_app(DataFolder(Path(sys.argv[1])))
serve(app, "127.0.0.1", int(sys.argv[2]), on_ready=lambda *ports: print(ports[0], flush=True))
"""


@pytest.fixture
def serve_on(server: Any) -> Iterator[Callable[[int], tuple[subprocess.Popen[str], int]]]:
    """A function that starts one more server on the same library and a given port, 0 for any."""
    started = []

    def serve(port: int) -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(server.data.root), str(port)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "DREAMKIOSK_RUNTIME": str(server.data.root.parent / "runtime")},
        )
        started.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    yield serve
    for process in started:
        process.kill()
        process.wait(60)
        process.stdout.close()


def test_a_restart_of_the_server_keeps_the_picture_and_heals_by_itself(
    screen: Callable[..., Any], serve_on: Callable[..., Any], gallery: Any, ready: str
) -> None:
    process, port = serve_on(0)
    page = screen(BIG, base=f"http://127.0.0.1:{port}").open("/booth")
    page.style("header,footer,#panel,#veil,#trouble{opacity:0}")
    picture = page.expected("upscaled", field=np.deg2rad(100))

    def on_screen() -> bool:
        return bool(np.abs(page.picture() - picture).mean() < 3)

    assert page.waits(on_screen)
    failed: list[str] = []
    page.page.on("requestfailed", lambda request: failed.append(request.url))
    process.kill()
    process.wait(60)
    # It has tried to come back, in vain.
    assert page.waits(lambda: len(failed) >= 2)
    assert on_screen(), "the picture went away with the server"
    serve_on(port)
    photo = gallery.ready()
    page.page.locator(f'#open-code[src*="{photo.token}"]').wait_for()
    assert page.waits(on_screen)


def test_a_long_silence_of_the_server_is_admitted(screen: Callable[..., Any], serve_on: Callable[..., Any]) -> None:
    process, port = serve_on(0)
    page = screen(BIG, base=f"http://127.0.0.1:{port}")
    page.page.clock.install()
    page.open("/booth").page.get_by_text("Scan to").wait_for()
    process.kill()
    process.wait(60)
    page.page.clock.fast_forward("00:25")
    page.page.get_by_role("alert").get_by_text("One moment, please").wait_for()
    serve_on(port)
    page.page.get_by_role("alert").wait_for(state="hidden")
