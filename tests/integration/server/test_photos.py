"""Photos over HTTP, from upload to deletion, through a real server process."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from kiosk.library.library import Library
from kiosk.library.records import Image as Record


@pytest.fixture(scope="module")
def library(server) -> Library:
    """The server's library, as a worker in another process opens it."""
    return Library(server.data)


def make_ready(server, library: Library, photo_bytes: bytes) -> dict:
    """Upload a photo and do the worker's part, with the photo itself as the dream."""
    created = server.upload(photo_bytes, show="yes").json
    while (job := library.jobs.lease("test worker")) is not None:
        files = library.files(job.token)
        files.dream.write_bytes(files.original.read_bytes())
        files.upscaled.write_bytes(files.original.read_bytes())
        files.levels.mkdir()
        files.level(1024).write_bytes(files.original.read_bytes())
        library.jobs.add_images(job, [Record("dream", "dream.jpg", 512, 256)])
        library.jobs.add_images(job, [Record("level", "levels/1024.jpg", 1024, 512)])
        library.jobs.finish(job)
    return created


def test_a_photo_is_brought_and_asked_after(server, photo_bytes: bytes) -> None:
    answer = server.upload(photo_bytes, style="dogs")
    assert answer.status == 201
    created = answer.json
    assert set(created) == {"id", "token", "owner_key", "state", "kind", "viewer_url", "status_url"}
    assert created["state"] == "received"
    assert created["viewer_url"] == f"/v/{created['token']}"
    status = server.get(created["status_url"])
    assert status.status == 200
    assert status.headers["Cache-Control"] == "no-store"
    told = status.json
    assert (told["state"], told["progress"], told["style"], told["title"]) == ("received", 0, "dogs", "Dogs")
    assert told["images"]["original"] == f"/photos/{created['token']}/original.jpg"
    assert told["images"]["dream"] is None
    assert "owner_key" not in told


@pytest.mark.slow
def test_a_photo_of_many_megabytes_arrives_with_all_its_grain(server) -> None:
    grain = np.random.default_rng(1).normal(0, 20, (2000, 4000, 1)) + np.linspace(60, 190, 4000)[None, :, None]
    picture = Image.fromarray(np.repeat(grain.clip(0, 255), 3, 2).astype(np.uint8))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=95, subsampling=0)
    assert len(buffer.getvalue()) > 5_000_000
    answer = server.upload(buffer.getvalue())
    assert answer.status == 201
    stored = server.get(f"/photos/{answer.json['token']}/original.jpg").body
    apart = np.asarray(Image.open(io.BytesIO(stored)), np.float32) - np.asarray(Image.open(buffer), np.float32)
    assert 10 * np.log10(255**2 / (apart**2).mean()) > 45


def test_a_picture_comes_whole_in_parts_and_not_twice(server, photo_bytes: bytes) -> None:
    url = server.get(server.upload(photo_bytes).json["status_url"]).json["images"]["original"]
    whole = server.get(url)
    assert whole.status == 200
    assert whole.headers["Content-Type"] == "image/jpeg"
    assert whole.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert Image.open(io.BytesIO(whole.body)).size == (512, 256)
    assert int(whole.headers["Content-Length"]) == len(whole.body)
    part = server.get(url, {"Range": "bytes=100-299"})
    assert part.status == 206
    assert part.body == whole.body[100:300]
    assert part.headers["Content-Range"] == f"bytes 100-299/{len(whole.body)}"
    last = server.get(url, {"Range": "bytes=-50"})
    assert last.body == whole.body[-50:]
    beyond = server.get(url, {"Range": "bytes=99999999-"})
    assert beyond.status == 416
    assert beyond.json["error"]
    same = server.get(url, {"If-None-Match": whole.headers["ETag"]})
    assert (same.status, same.body) == (304, b"")
    head = server.request("HEAD", url)
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]


def test_a_smaller_form_of_a_picture_goes_to_those_who_ask_for_it_by_name(
    server, library: Library, photo_bytes: bytes
) -> None:
    created = server.upload(photo_bytes).json
    token = created["token"]
    levels = library.files(token).levels
    levels.mkdir()
    (levels / "2048.jpg").write_bytes(b"a jpeg")
    (levels / "2048.webp").write_bytes(b"a webp")
    url = f"/photos/{token}/levels/2048.jpg"
    for accept, kind, body in (
        ("image/webp,*/*", "image/webp", b"a webp"),
        ("*/*", "image/jpeg", b"a jpeg"),
        ("image/*", "image/jpeg", b"a jpeg"),
    ):
        answer = server.get(url, {"Accept": accept})
        assert (answer.headers["Content-Type"], answer.body) == (kind, body)
        assert answer.headers["Vary"] == "Accept"
    assert server.get(f"/photos/{token}/levels/2048.webp").status == 404
    page = server.get(f"/v/{token}", {"Accept": "text/html,image/avif,image/webp,*/*;q=0.8"}).body
    assert b'<meta name="pictures" content="image/webp">' in page
    assert b'name="pictures"' not in server.get(f"/v/{token}", {"Accept": "text/html,*/*;q=0.8"}).body
    # The next test's worker shall not be given this one.
    server.request("DELETE", created["status_url"], headers={"X-Owner-Key": created["owner_key"]})


def test_a_picture_may_be_saved_under_a_name(server, photo_bytes: bytes) -> None:
    created = server.upload(photo_bytes).json
    answer = server.get(f"/photos/{created['token']}/original.jpg?download=1")
    assert answer.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "name", ["dream.jpg", "levels/1024.jpg", "../library.sqlite", "%2e%2e/library.sqlite", "work/x.npy", "", "levels"]
)
def test_a_picture_that_is_not_there_is_404(server, photo_bytes: bytes, name: str) -> None:
    created = server.upload(photo_bytes).json
    answer = server.get(f"/photos/{created['token']}/{name}")
    assert answer.status == 404
    assert b"SQLite" not in answer.body


def test_only_ready_photos_are_listed_newest_first(server, library: Library, photo_bytes: bytes) -> None:
    first = make_ready(server, library, photo_bytes)
    second = make_ready(server, library, photo_bytes)
    server.upload(photo_bytes)
    photos = server.get("/api/photos?limit=2").json["photos"]
    assert [photo["token"] for photo in photos] == [second["token"], first["token"]]
    assert photos[0]["progress"] == 1
    level = photos[0]["images"]["pyramid"][0]
    assert (level["width"], level["tile"]) == (1024, None)
    assert photos[0]["images"]["levels"] == [level["url"]]
    assert server.get(level["url"]).status == 200
    for bad in ("0", "-1", "many", "101", "1e3", "９"):
        assert server.get(f"/api/photos?limit={quote(bad)}").status == 400


def test_only_the_owner_deletes_and_then_everything_is_gone(server, photo_bytes: bytes) -> None:
    created = server.upload(photo_bytes).json
    url, token = created["status_url"], created["token"]
    for headers in ({}, {"X-Owner-Key": "guessed"}, {"X-Owner-Key": ""}):
        refused = server.request("DELETE", url, headers=headers)
        assert (refused.status, refused.json["error"]) == (403, "wrong_key")
    unknown = server.request("DELETE", "/api/photos/" + "x" * 22, headers={"X-Owner-Key": created["owner_key"]})
    assert unknown.status == 404
    assert server.get(url).status == 200
    done = server.request("DELETE", url, headers={"X-Owner-Key": created["owner_key"]})
    assert (done.status, done.body) == (204, b"")
    for gone in (url, f"/photos/{token}/original.jpg", f"/v/{token}", f"/qr/{token}.svg", f"{url}/events"):
        assert server.get(gone).status == 404
    assert server.get(url).json["error"] == "deleted"
    assert not (server.data.photos / token).exists()
    assert server.request("DELETE", url, headers={"X-Owner-Key": created["owner_key"]}).status == 404


def test_the_code_carries_the_address_of_the_interface_and_not_the_host_header(server, photo_bytes: bytes) -> None:
    import cv2

    created = server.upload(photo_bytes).json
    guest_url = server.get("/api/kiosk").json["guest_url"]
    assert re.fullmatch(r"http://\d+\.\d+\.\d+\.\d+:\d+/", guest_url)
    assert guest_url.endswith(f":{server.port}/")
    for path, expected in (
        ("/qr/kiosk.svg", guest_url),
        (f"/qr/{created['token']}.svg", guest_url + created["viewer_url"][1:]),
    ):
        answer = server.get(path, {"Host": "evil.example"})
        assert answer.headers["Content-Type"].startswith("image/svg+xml")
        assert b"evil" not in answer.body
        # OpenCV's reader misses some codes at some sizes; a phone sees one at many.
        pictures = [np.array(drawn(answer.body.decode(), scale)) for scale in (4, 5, 6, 8, 10, 12)]
        assert expected in {cv2.QRCodeDetector().detectAndDecode(picture)[0] for picture in pictures}


def drawn(svg: str, scale: int) -> Image.Image:
    """The code's modules from its horizontal strokes, `scale` pixels a module."""
    size = int(re.search(r'viewBox="0 0 (\d+)', svg).group(1))
    picture = Image.new("L", (size, size), 255)
    path = re.search(r'<path[^>]*\sd="([^"]+)"', svg).group(1)
    for x, y, length in re.findall(r"M\s*([\d.]+)[ ,]([\d.]+)\s*h\s*([\d.]+)", path):
        for step in range(round(float(length))):
            picture.putpixel((int(float(x)) + step, int(float(y))), 0)
    return picture.resize((size * scale, size * scale), Image.Resampling.NEAREST)


def test_the_kiosk_introduces_itself(server) -> None:
    told = server.get("/api/kiosk").json
    assert told["name"] == "Dream Kiosk"
    assert {"name", "title", "line", "thumbnail"} == set(told["styles"][0])
    assert told["style"] in [style["name"] for style in told["styles"]]


def test_health_is_bad_without_a_worker_and_good_with_one(server) -> None:
    from kiosk.library import boot

    answer = server.get("/healthz")
    assert answer.status == 503
    assert answer.json["database"] is True
    assert "worker" in answer.json["problems"][0]
    beat = server.data.root.parent / "runtime" / "worker.heartbeat"
    beat.write_text(f"{boot.identity()} {boot.now()}\n")
    answer = server.get("/healthz")
    assert (answer.status, answer.json["status"], answer.json["problems"]) == (200, "ok", [])
    beat.write_text(f"{boot.identity()} {boot.now() - 1000}\n")
    assert server.get("/healthz").status == 503


def test_pages_and_their_files_come_compressed_and_only_once(server) -> None:
    page = server.get("/static/operator/plain.css", {"Accept-Encoding": "gzip"})
    assert page.status == 200
    assert page.headers["Content-Encoding"] == "gzip"
    assert page.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "Accept-Encoding" in page.headers["Vary"]
    plain = server.get("/static/operator/plain.css")
    assert gzip.decompress(page.body) == plain.body
    assert page.headers["ETag"] != plain.headers["ETag"]
    same = server.get("/static/operator/plain.css", {"If-None-Match": plain.headers["ETag"]})
    assert (same.status, same.body) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/static/operator/nothing.css",
        "/static/../settings.toml",
        "/static/operator/../../pyproject.toml",
        "/static/operator/%2e%2e/%2e%2e/pyproject.toml",
        "/static/package.json",
        "/static/node_modules/x/index.js",
        "/static//etc/passwd",
        "/api/nothing",
        "/photos",
    ],
)
def test_what_is_not_there_is_404_in_json(server, path: str) -> None:
    answer = server.get(path)
    assert answer.status == 404
    assert set(answer.json) == {"error", "message"}


def test_a_page_that_is_not_there_is_a_friendly_page(server) -> None:
    answer = server.get("/nowhere", {"Accept": "text/html"})
    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"There is nothing at this address" in answer.body


def test_the_operator_sees_pauses_deletes_and_downloads(server, library: Library, photo_bytes: bytes) -> None:
    created = make_ready(server, library, photo_bytes)
    page = server.get("/operator/photos").body.decode()
    assert created["token"] in page
    form_token = re.search(r'name="form_token" value="([0-9a-f]+)"', page).group(1)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert server.request("POST", "/operator/intake", "paused=yes", form).status == 403
    assert server.request("POST", "/operator/intake", f"paused=yes&form_token={form_token}", form).status == 303
    refused = server.upload(photo_bytes)
    assert (refused.status, refused.json["error"]) == (503, "paused")
    assert refused.headers["Retry-After"]
    assert "Resume intake" in server.get("/operator").body.decode()
    server.request("POST", "/operator/intake", f"paused=no&form_token={form_token}", form)
    assert "Pause intake" in server.get("/operator").body.decode()
    assert server.upload(photo_bytes).status == 201
    archive = zipfile.ZipFile(io.BytesIO(server.get("/operator/photos.zip").body))
    assert archive.testzip() is None
    assert any(name.endswith("_dream.jpg") for name in archive.namelist())
    url = f"/operator/photos/{created['token']}/delete"
    assert server.request("POST", url, "form_token=guessed", form).status == 403
    assert server.request("POST", url, f"form_token={form_token}", form).status == 303
    assert server.get(created["status_url"]).status == 404


def test_metrics_count_what_happened(server, photo_bytes: bytes) -> None:
    server.upload(photo_bytes)
    server.upload(b"no photo")
    text = server.get("/metrics").body.decode()
    assert re.search(r'dreamkiosk_uploads_total\{result="accepted"\} [1-9]', text)
    assert re.search(r'dreamkiosk_uploads_total\{result="not_an_image"\} [1-9]', text)
    assert re.search(r'dreamkiosk_photos\{state="ready"\} \d', text)
