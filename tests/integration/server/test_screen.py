"""What the big screen and the viewer receive: the queue, faults, QR codes, photos that are not spheres or are gone."""

from __future__ import annotations

import io
import json
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from kiosk.lan import wifi
from kiosk.lan.addresses import guest_address
from kiosk.library import boot
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.library.records import Image as Record
from kiosk.pictures.gpano import gpano_xmp, with_xmp
from kiosk.server.live.screen import Screen
from kiosk.server.operator.problems import GUESTS, find_problems
from kiosk.storage import DataFolder


@pytest.fixture
def kiosk(start_server):
    """A fresh server whose worker has just written a heartbeat."""
    server = start_server()
    worker_beats(server)
    return server


def worker_beats(server, ago: float = 0) -> None:
    folder = server.data.root.parent / "runtime"
    (folder / "worker.heartbeat").write_text(f"{boot.identity()} {boot.now() - ago}\n")


def latest(stream, where) -> dict:
    return next(data for event, data in stream if event == "latest" and where(data))


def jpeg(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").resize((width, height)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.slow
def test_the_big_screen_hears_of_the_queue_but_sees_only_its_own_photos(kiosk, photo_bytes: bytes) -> None:
    stream = kiosk.events("/api/events")
    first = latest(stream, lambda data: True)
    assert first == {"photos": [], "queue": [], "out_of_service": None}
    with Library(kiosk.data) as library:
        taken = accept(library, photo_bytes, origin="camera")
        kiosk.upload(photo_bytes)
        job = library.jobs.lease("worker")
        library.jobs.progress(job, "dreaming", 0.25, 30.0)
        told = latest(stream, lambda data: len(data["queue"]) == 2 and data["queue"][0]["progress"])["queue"]
        assert [(one["state"], one["position"], one["token"]) for one in told] == [
            ("dreaming", 0, taken.token),
            ("waiting", 1, None),
        ]
        assert told[0]["images"]["original"] == f"/photos/{taken.token}/original.jpg"
        assert told[1]["images"] is None
        assert 0 < told[0]["eta_seconds"] <= 30
        assert told[1]["eta_seconds"] > told[0]["eta_seconds"], "guessed from the photo under way"
        library.jobs.finish(job)
        told = latest(stream, lambda data: data["photos"])
        assert [one["state"] for one in told["queue"]] == ["waiting"]


@pytest.mark.slow
def test_the_big_screen_says_what_is_wrong_and_when_it_is_over(start_server) -> None:
    server = start_server()
    stream = server.events("/api/events", timeout=60)
    assert latest(stream, lambda data: True)["out_of_service"] is None, "the worker may take a moment to start"
    worker_beats(server, ago=1000)
    trouble = latest(stream, lambda data: data["out_of_service"])["out_of_service"]
    assert trouble["code"] == "worker_silent"
    assert "each will have its turn" in trouble["message"], "guests cannot restart anything"
    assert "Restart the kiosk" in server.get("/healthz").json["problems"][0]
    assert server.get("/api/kiosk").json["out_of_service"] == trouble
    worker_beats(server)
    latest(stream, lambda data: data["out_of_service"] is None)
    with Library(server.data) as library:
        library.set_flag("intake_paused", True)
        assert latest(stream, lambda data: data["out_of_service"])["out_of_service"]["code"] == "paused"


def test_of_a_camera_that_is_gone_guests_and_operator_each_hear_their_part(start_server) -> None:
    server = start_server()
    worker_beats(server)
    (server.data.root.parent / "runtime" / "camera.fault").write_text("no camera is connected; plug it in\n")
    assert server.get("/healthz").status == 200, "no camera is set up here"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DREAMKIOSK_RUNTIME", str(server.data.root.parent / "runtime"))
        with Library(DataFolder(server.data.root)) as library:
            trouble = Screen(library, has_camera=True).now().out_of_service
            problems = [problem.message for problem in find_problems(library, has_camera=True)]
            assert Screen(library, has_camera=False).now().out_of_service is None
    assert trouble is not None
    assert (trouble.code, trouble.message) == ("camera", GUESTS["camera"])
    assert problems == ["no camera is connected; plug it in"], "the operator is told what to do"


def test_the_code_of_the_wifi_joins_it(start_server, tmp_path) -> None:
    data = DataFolder(tmp_path / "data").prepare()
    data.settings.write_text('[network]\nwifi_name = "Dream; Guests"\nwifi_password = "open sesame"\n')
    answer = start_server(data).get("/qr/wifi.svg")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("image/svg+xml")
    size, path = (
        int(re.search(r'viewBox="0 0 (\d+)', answer.body.decode())[1]),
        re.search(r' d="([^"]+)"', answer.body.decode())[1],
    )
    picture = np.full((size, size), 255, np.uint8)
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)", path):
        picture[int(y), int(x) : int(x) + int(length)] = 0
    texts = [
        cv2.QRCodeDetector().detectAndDecode(picture.repeat(scale, 0).repeat(scale, 1))[0] for scale in (4, 6, 8, 10)
    ]
    assert wifi.join_code("Dream; Guests", "open sesame") in texts


def test_without_a_wifi_there_is_no_code_of_it(server) -> None:
    answer = server.get("/qr/wifi.svg")
    assert (answer.status, answer.json["error"]) == (404, "no_wifi")


def test_a_photo_that_is_gone_or_never_was_opens_the_viewer_which_says_so(server, photo_bytes: bytes) -> None:
    created = server.upload(photo_bytes).json
    assert server.get(created["viewer_url"]).status == 200
    page = server.get("/static/viewer/index.html")
    server.request("DELETE", created["status_url"], headers={"X-Owner-Key": created["owner_key"]})
    for path in (created["viewer_url"], "/v/" + "x" * 22, "/v/nonsense"):
        gone = server.get(path, {"If-None-Match": page.headers["ETag"]})
        assert (gone.status, gone.body) == (404, page.body)
        assert gone.headers["Cache-Control"] == "no-store"
        assert gone.headers["Content-Security-Policy"]


@pytest.mark.slow
def test_a_plain_photo_lies_on_a_sphere_at_once_and_the_workers_replaces_it(server) -> None:
    created = server.upload(jpeg(320, 240)).json
    told = server.get(created["status_url"]).json
    first = f"/photos/{created['token']}/sphere.jpg"
    assert (told["images"]["original"], told["width"], told["height"], told["stereo"]) == (first, 1024, 512, None)
    with Library(server.data) as library:
        job = lease(library, created["token"])
        library.files(job.token).sphere.write_bytes(jpeg(2048, 1024))
        library.jobs.add_images(job, [Record("sphere", "sphere.jpg", 2048, 1024)])
    told = server.get(created["status_url"]).json
    assert told["images"]["original"] == f"{first}?v=2"
    assert (told["width"], told["height"]) == (2048, 1024)
    assert server.get(told["images"]["original"]).status == 200


@pytest.mark.slow
def test_a_part_of_a_panorama_is_not_shown_as_a_whole_one(server) -> None:
    crop = {"GPano:FullPanoWidthPixels": 1024, "GPano:FullPanoHeightPixels": 512}
    created = server.upload(with_xmp(jpeg(512, 256), gpano_xmp(512, 256, **crop))).json
    told = server.get(created["status_url"]).json
    assert told["kind"] == "part"
    assert told["images"]["original"] == f"/photos/{created['token']}/sphere.jpg"
    assert (told["width"], told["height"]) == (1024, 512)


def test_two_eyes_are_told_from_the_first_moment_where_the_photo_says_so(server) -> None:
    created = server.upload(with_xmp(jpeg(256, 256), gpano_xmp(256, 256, **{"GPano:StereoMode": "top-bottom"}))).json
    told = server.get(created["status_url"]).json
    assert told["stereo"] == "top-bottom"
    assert told["images"]["original"] == f"/photos/{created['token']}/original.jpg"
    assert (told["width"], told["height"]) == (256, 256)


def test_a_level_of_tiles_says_how_they_overlap(server, photo_bytes: bytes) -> None:
    created = server.upload(photo_bytes).json
    with Library(server.data) as library:
        job = lease(library, created["token"])
        tiles = Record("level", "levels/8192/{col}_{row}.jpg", 8192, 4096, 512, 4)
        library.jobs.add_images(job, [Record("level", "levels/1024.jpg", 1024, 512), tiles])
    images = server.get(created["status_url"]).json["images"]
    assert images["levels"] == [f"/photos/{created['token']}/levels/1024.jpg"]
    assert images["pyramid"] == [
        {
            "width": 1024,
            "height": 512,
            "url": f"/photos/{created['token']}/levels/1024.jpg",
            "tile": None,
            "overlap": 0,
        },
        {
            "width": 8192,
            "height": 4096,
            "url": f"/photos/{created['token']}/levels/8192/{{col}}_{{row}}.jpg",
            "tile": 512,
            "overlap": 4,
        },
    ]


def lease(library: Library, token: str):
    """A worker's lease on this photo; other workers hold the photos before it."""
    number = 0
    while (job := library.jobs.lease(f"worker {token} {number}")) is not None:
        if job.token == token:
            return job
        number += 1
    raise AssertionError("nothing to lease")


def test_progress_makes_sense_in_every_state(server, photo_bytes: bytes) -> None:
    def told() -> tuple:
        status = server.get(created["status_url"]).json
        return status["state"], status["progress"], status["position"], status["eta_seconds"]

    created = server.upload(photo_bytes).json
    state, progress, position, _ = told()
    assert (state, progress) == ("received", 0)
    assert position >= 1
    with Library(server.data) as library:
        job = lease(library, created["token"])
        library.jobs.progress(job, "upscaling", 0.5, 12.0)
        state, progress, position, eta = told()
        assert (state, progress, position) == ("upscaling", 0.5, 0)
        assert 0 < eta <= 12
        library.jobs.finish(job)
        assert told() == ("ready", 1, None, None)
        created = server.upload(photo_bytes).json
        library.jobs.fail(lease(library, created["token"]), "It cannot be.")
    assert told() == ("failed", 0, None, None)


def test_styles_come_with_a_picture_where_there_is_one(server) -> None:
    styles = server.get("/api/kiosk").json["styles"]
    assert any(style["thumbnail"] for style in styles)
    for style in styles:
        answer = server.get(f"/styles/{style['name']}.webp")
        assert answer.status == (200 if style["thumbnail"] else 404)
        if style["thumbnail"]:
            assert style["thumbnail"] == f"/styles/{style['name']}.webp"
            assert Image.open(io.BytesIO(answer.body)).format == "WEBP"
    for name in ("nothing", "..%2fcatalog", "%2e%2e"):
        assert server.get(f"/styles/{name}.webp").status == 404


@pytest.mark.slow
def test_the_address_for_guests_is_the_one_that_is_listened_on(start_server) -> None:
    assert start_server(host="127.0.0.1").get("/api/kiosk").json["guest_url"].startswith("http://127.0.0.1:")
    everywhere = start_server(host="0.0.0.0")
    everywhere.host = "127.0.0.1"
    assert everywhere.get("/api/kiosk").json["guest_url"] == f"http://{guest_address()}:{everywhere.port}/"


@pytest.mark.slow
def test_the_viewer_brings_along_how_the_photo_is_and_which_picture_comes_first(server, photo_bytes: bytes) -> None:
    created = server.upload(photo_bytes).json
    answer = server.get(created["viewer_url"])
    page = answer.body.decode()
    (brought,) = re.findall(r'<script type="application/json" id="status">(.*?)</script>', page)
    status = server.get(created["status_url"]).json
    assert json.loads(brought) == {**status, "eta_seconds": json.loads(brought)["eta_seconds"]}
    (first,) = re.findall(r'<link rel="preload" as="fetch" [^>]*href="([^"]+)"', page)
    assert first == status["images"]["original"]
    assert answer.headers["Cache-Control"] == "no-store", "it is how the photo was just now"
    assert b'id="status"' not in server.get("/v/" + "x" * 22).body
