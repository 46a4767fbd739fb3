"""The whole way: a photo goes in over HTTP, and its dream is what a guest's phone shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kiosk.lan.addresses import guest_address
from kiosk.pictures.sphere_jpeg import encode_jpeg
from kiosk.scenery.camera import photograph
from kiosk.scenery.scenes import DEFAULT_TIME, make_scene
from kiosk.storage import DataFolder
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.browser]

# A dream that is there within a minute on two slow cores, yet takes long enough to be seen growing on fast ones; no
# deadline may make it smaller.
SETTINGS = """
[dream]
width = 512
precision = "fp32"
deadline = 600
"""
FIELD = np.deg2rad(85)
STATES = ["received", "waiting", "dreaming", "upscaling", "publishing", "ready"]


@dataclass
class Life:
    """What happened to one photo: the answer to the upload, and every event after it."""

    upload: dict[str, Any]
    photo: bytes
    events: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def token(self) -> str:
        return self.upload["token"]

    @property
    def status(self) -> dict[str, Any]:
        return self.events[-1][1]


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, free_ports: Callable[[int], list[int]], client_of: Callable[..., Any]
) -> Iterator[Any]:
    """`dreamkiosk run` with its four processes, on all addresses as at an event."""
    folder = tmp_path_factory.mktemp("first_light")
    data = DataFolder(folder / "data")
    data.root.mkdir()
    data.settings.write_text(SETTINGS)
    port, tls_port = free_ports(2)
    arguments = ["--data", str(data.root), "run", "--port", str(port), "--tls-port", str(tls_port)]
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", "from kiosk.cli import main; main()", *arguments],
            stdout=log,
            stderr=log,
            env={**os.environ, "DREAMKIOSK_RUNTIME": str(folder / "runtime")},
        )
        kiosk = client_of(data, process, port, tls_port)
        try:
            wait_until_open(process, Path(log.name))
            yield kiosk
        finally:
            assert kiosk.stop() == 0, Path(log.name).read_text()


def wait_until_open(process: subprocess.Popen[bytes], log: Path) -> None:
    def is_open() -> bool:
        assert process.poll() is None, log.read_text()
        return "The kiosk is open" in log.read_text()

    until(is_open, log.read_text)


@pytest.fixture(scope="module")
def life(server: Any) -> Life:
    """A photo of the virtual camera, sent by a guest who lets others see it, and followed until its dream is ready."""
    photo = encode_jpeg(photograph(make_scene("plaza", 7, DEFAULT_TIME), 1024), 92, gpano=True)
    answer = server.upload(photo, style="dogs", show="yes")
    assert answer.status == 201, answer.body
    life = Life(answer.json, photo)
    for event, status in server.events(f"/api/photos/{life.token}/events", timeout=180):
        life.events.append((event, status))
        if status["state"] in ("ready", "failed"):
            break
    return life


def picture_of(server: Any, url: str) -> np.ndarray:
    """A picture of the kiosk, uint8 [H, W, 3], RGB."""
    encoded = np.frombuffer(server.get(url).body, np.uint8)
    return cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def view(sphere: np.ndarray, yaw: float, pitch: float, width: int, height: int) -> np.ndarray:
    """What an eye in the middle of an equirectangular picture sees, float [height, width, 3].

    Angles in radians, FIELD across the longer side, which is the height; bilinear, around the horizon as well.
    """
    long = np.tan(FIELD / 2)
    x = ((np.arange(width) + 0.5) / width * 2 - 1) * long * width / height
    y = (1 - (np.arange(height) + 0.5) / height * 2) * long
    ray = np.stack([*np.meshgrid(x, y), np.full((height, width), -1.0)])
    across, up, ahead = ray / np.linalg.norm(ray, axis=0)
    up, ahead = up * np.cos(pitch) - ahead * np.sin(pitch), up * np.sin(pitch) + ahead * np.cos(pitch)
    longitude = np.arctan2(across, -ahead) + yaw
    rows, columns = sphere.shape[:2]
    u = (longitude / (2 * np.pi) + 0.5) * columns - 0.5
    v = np.clip((0.5 - np.arcsin(np.clip(up, -1, 1)) / np.pi) * rows - 0.5, 0, rows - 1)
    left, top = np.floor(u).astype(int), np.minimum(np.floor(v).astype(int), rows - 2)
    right_share, lower_share = (u - left)[..., None], (v - top)[..., None]
    here, beside = left % columns, (left + 1) % columns
    upper = sphere[top, here] * (1 - right_share) + sphere[top, beside] * right_share
    lower = sphere[top + 1, here] * (1 - right_share) + sphere[top + 1, beside] * right_share
    return upper * (1 - lower_share) + lower * lower_share


def difference(screen: np.ndarray, sphere: np.ndarray, yaw: float, pitch: float) -> float:
    """Mean absolute difference, of 255, between a screenshot and what it would show of a picture."""
    return float(np.abs(screen - view(sphere, yaw, pitch, screen.shape[1], screen.shape[0])).mean())


def test_the_states_come_in_order_and_progress_never_goes_back(life: Life) -> None:
    assert life.upload["state"] in ("received", "waiting", "dreaming")
    states = list(dict.fromkeys(status["state"] for _, status in life.events))
    assert states[-1] == "ready", life.status
    assert "dreaming" in states
    assert "upscaling" in states
    assert states == sorted(states, key=STATES.index)
    progress = [status["progress"] for _, status in life.events]
    assert progress == sorted(progress)
    assert progress[-1] == 1
    assert any(0 < fraction < 1 for fraction in progress)


def test_the_dream_is_seen_growing(life: Life, server: Any) -> None:
    frames = [status["images"]["previews"] for event, status in life.events if event == "preview"]
    assert frames
    assert any(status["state"] == "dreaming" for event, status in life.events if event == "preview")
    assert [len(urls) for urls in frames] == sorted(len(urls) for urls in frames)
    preview = picture_of(server, frames[0][-1])
    assert preview.shape[1] == 2 * preview.shape[0]
    assert preview.std() > 10


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (180, 0), (-70, 35)])
def test_the_viewer_shows_the_dream_and_on_request_the_photo(
    screen: Callable[..., Any], server: Any, life: Life, yaw: int, pitch: int
) -> None:
    images = life.status["images"]
    spheres = {kind: picture_of(server, images[kind]) for kind in ("original", "dream")}
    # The enlarged dream comes to phones as levels; upscaled.jpg, of higher quality, is what one takes home.
    spheres["upscaled"] = picture_of(server, images["levels"][-1])
    page = screen().open(f"/v/{life.token}#{yaw},{pitch}").bare()

    def apart(kind: str) -> float:
        return difference(page.picture(), spheres[kind], np.deg2rad(yaw), np.deg2rad(pitch))

    def choose(kind: str) -> None:
        page.page.evaluate(f"document.querySelector('[data-show={kind}]').click()")

    # Without being asked: the best there is.
    assert page.waits(lambda: apart("upscaled") < 1), apart("upscaled")
    choose("dream")
    assert page.waits(lambda: apart("dream") < 1), apart("dream")
    dreamed = page.picture()
    far = apart("original")
    assert far > 5, "the photo is on the sphere, or the dream is hardly one"
    choose("original")
    assert page.waits(lambda: apart("original") < 1), apart("original")
    assert apart("dream") > 5
    changed = np.abs(page.picture() - dreamed).mean()
    assert changed == pytest.approx(far, rel=0.25)
    choose("dream")
    assert page.waits(lambda: np.abs(page.picture() - dreamed).mean() < 0.5)


def test_the_code_on_the_big_screen_opens_the_dream_by_its_literal_address(
    screen: Callable[..., Any], server: Any, life: Life, codes: Callable[..., list[str]]
) -> None:
    booth = screen((1920, 1080)).open("/booth")
    found: list[str] = []

    def decoded() -> bool:
        found.extend(text for text in codes(booth.picture()) if "/v/" in text)
        return bool(found)

    assert booth.waits(decoded), "no code could be read from the screen"
    parts = re.fullmatch(r"(http://(\d+\.\d+\.\d+\.\d+):(\d+))(/v/(.+))", found[0])
    assert parts, found[0]
    assert parts[2] == guest_address()
    assert int(parts[3]) == server.port
    assert parts[5] == life.token
    guest = screen(base=parts[1]).open(parts[4] + "#0,0").bare()
    enlarged = picture_of(server, life.status["images"]["levels"][-1])
    booth.page.close()  # it draws all the time, and this machine may draw without a graphics card
    assert guest.waits(lambda: difference(guest.picture(), enlarged, 0, 0) < 1), difference(
        guest.picture(), enlarged, 0, 0
    )


def test_who_brought_the_photo_takes_it_home_as_a_sphere(server: Any, life: Life) -> None:
    answer = server.get(life.status["images"]["upscaled"])
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert b"equirectangular" in answer.body
    rows, columns, _ = picture_of(server, life.status["images"]["upscaled"]).shape
    assert (columns, rows) == (1024, 512)
