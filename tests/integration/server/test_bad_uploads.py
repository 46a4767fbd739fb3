"""Bad uploads: a clear sentence, the right status, nothing stored, no memory growth, and the server keeps running."""

from __future__ import annotations

import io
import os
import socket
import struct
import zlib
from collections.abc import Callable

import psutil
import pytest
from PIL import Image

from kiosk.library.library import Library
from tests.waiting import LONGEST, until


def jpeg(size: tuple[int, int] = (256, 128)) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise(size, 80).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


def png_bomb(width: int = 50_000, height: int = 50_000) -> bytes:
    """A real PNG of width x height black pixels, in a few hundred kilobytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(9)
    rows = bytearray()
    row = b"\0" * (1 + width // 8)  # one bit a pixel
    for _ in range(height):
        rows += packer.compress(row)
    rows += packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", bytes(rows)) + chunk(b"IEND", b"")


BAD: dict[str, tuple[str, Callable[[], bytes], int, str]] = {
    "not an image": ("x.bin", lambda: os.urandom(5000), 415, "not_an_image"),
    "a truncated JPEG": ("x.jpg", lambda: jpeg()[:-2000], 400, "damaged"),
    "a bomb": ("x.png", png_bomb, 413, "too_many_pixels"),
    "nothing": ("x.jpg", lambda: b"", 400, "empty"),
    "a text called .jpg": ("holiday.jpg", lambda: b"Not a photo at all.\n", 415, "not_an_image"),
    "a single pixel": ("x.png", lambda: jpeg((1, 1)), 400, "too_small"),
    "an animation without a picture": ("x.gif", lambda: b"GIF89a" + b"\0" * 100, 400, "damaged"),
    "a document": ("x.pdf", lambda: b"%PDF-1.7" + b"\0" * 100, 415, "unsupported_format"),
    "a page": ("x.html", lambda: b"<!doctype html><script>alert(1)</script>", 415, "not_an_image"),
    "a vector": ("x.svg", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', 415, "not_an_image"),
    "an archive": ("x.zip", lambda: b"PK\x03\x04" + b"\0" * 500, 415, "not_an_image"),
}


def stored(server) -> tuple[int, list[str]]:
    with Library(server.data) as library, library.reading() as connection:
        rows = connection.execute("SELECT (SELECT count(*) FROM photos) + (SELECT count(*) FROM jobs)").fetchone()[0]
    files = [str(path) for folder in (server.data.photos, server.data.spool) for path in folder.rglob("*")]
    return rows, files


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD)
def test_a_bad_photo_is_refused_clearly_and_leaves_nothing(server, case: str) -> None:
    name, make, status, code = BAD[case]
    before = stored(server)
    answer = server.upload(make(), name)
    assert (answer.status, answer.json["error"]) == (status, code)
    assert set(answer.json) == {"error", "message"}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json["message"].endswith(".")
    assert "Traceback" not in answer.json["message"]
    assert stored(server) == before
    assert server.get("/api/kiosk").status == 200


def test_an_upload_without_a_photo_says_which_field_it_wants(server) -> None:
    assert server.upload(jpeg(), field="picture").json["error"] == "no_photo"
    for body, kind in ((b"", ""), (b"a=b", "application/x-www-form-urlencoded"), (jpeg(), "image/jpeg")):
        answer = server.request("POST", "/api/photos", body, {"Content-Type": kind})
        assert (answer.status, answer.json["error"]) == (400, "no_photo")
    broken = server.request("POST", "/api/photos", b"garbage", {"Content-Type": "multipart/form-data; boundary=x"})
    assert broken.status == 400
    assert stored(server)[1] == []


def test_an_unknown_style_is_refused_with_the_known_ones(server) -> None:
    answer = server.upload(jpeg(), style="porridge")
    assert (answer.status, answer.json["error"]) == (400, "unknown_style")
    assert "dogs" in answer.json["message"]
    assert stored(server)[1] == []


def send(server, length: int, chunked: bool, stop_after: int | None = None) -> tuple[bytes, int]:
    """Send `length` bytes as a photo over a raw socket; returns (the response's bytes, the server's peak memory in
    bytes).

    stop_after: hang up after this many bytes.
    """
    process = psutil.Process(server.process.pid)
    head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="big.jpg"\r\n\r\n'
    tail = b"\r\n--x--\r\n"
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(head) + length + len(tail)}"
    largest, sent, piece = 0, 0, b"\xff\xd8\xff\xe0" * (1 << 18)
    with socket.create_connection((server.host, server.port), timeout=LONGEST) as connection:

        def put(data: bytes) -> None:
            connection.sendall(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)

        connection.sendall(
            f"POST /api/photos HTTP/1.1\r\nHost: kiosk\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            f"{framing}\r\n\r\n".encode()
        )
        put(head)
        while sent < length:
            put(piece[: length - sent])
            sent += min(len(piece), length - sent)
            largest = max(largest, process.memory_info().rss)
            if stop_after is not None and sent >= stop_after:
                return b"", largest
        put(tail)
        if chunked:
            connection.sendall(b"0\r\n\r\n")
        answer = b""
        while b"}" not in answer and (part := connection.recv(65536)):
            answer += part
    return answer, largest


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_300_megabytes_are_refused_without_being_held(server, chunked: bool) -> None:
    before = stored(server)
    server.upload(b"warm up")
    memory = psutil.Process(server.process.pid).memory_info().rss
    answer, largest = send(server, 300_000_000, chunked)
    assert b" 413 " in answer.partition(b"\r\n")[0]
    assert b'"error":"too_large"' in answer.replace(b'": "', b'":"')
    assert b"at most 100 MB" in answer
    assert largest - memory < 50_000_000
    assert stored(server) == before


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_a_film_is_refused_by_its_first_bytes_while_it_arrives(server, chunked: bool) -> None:
    before = stored(server)
    head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.mp4"\r\n\r\n'
    film = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + b"\0" * 200_000
    with socket.create_connection((server.host, server.port), timeout=60) as connection:
        framing = "Transfer-Encoding: chunked" if chunked else "Content-Length: 90000000"
        connection.sendall(
            f"POST /api/photos HTTP/1.1\r\nHost: kiosk\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            f"{framing}\r\n\r\n".encode()
        )
        part = head + film
        connection.sendall(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
        # Nothing more comes: the answer cannot wait for the rest.
        answer = b""
        while b"}" not in answer and (more := connection.recv(65536)):
            answer += more
    assert b" 415 " in answer.partition(b"\r\n")[0]
    assert b"video" in answer
    until(lambda: stored(server) == before)


def film(mark: bytes, data: int, front: bool) -> bytes:
    """An MP4 of `data` bytes whose description, in front of them or behind, holds the box `mark`."""

    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", 8 + len(body)) + kind + body

    parts = [box(b"moov", bytes(300_000) + box(mark, bytes(16))), box(b"mdat", bytes(data))]
    return box(b"ftyp", b"mp42\0\0\0\0isommp42") + b"".join(parts if front else reversed(parts))


@pytest.mark.parametrize("mark", [b"sv3d", b"vmhd"], ids=["360", "another"])
@pytest.mark.parametrize("front", [True, False], ids=["in front", "behind"])
@pytest.mark.parametrize("data", [0, 3_000_000, 40_000_000], ids=["empty", "short", "long"])
def test_a_360_film_is_refused_by_name(server, mark: bytes, front: bool, data: int) -> None:
    before = stored(server)
    answer = server.upload(film(mark, data, front), name="film.mp4")
    # The description of a long film is not waited for.
    named = mark == b"sv3d" and (front or data < 32_000_000)
    assert answer.status == 415
    assert answer.json["error"] == ("video_360" if named else "unsupported_format")
    assert ("This is a 360 video." if named else "This is a video file.") in answer.json["message"]
    until(lambda: stored(server) == before)


def test_a_360_film_is_refused_while_it_arrives(server) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.mp4"\r\n\r\n'
    part += film(b"st3d", 0, front=True)[:-8] + bytes(200_000)
    with socket.create_connection((server.host, server.port), timeout=60) as connection:
        connection.sendall(
            b"POST /api/photos HTTP/1.1\r\nHost: kiosk\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            b"Content-Length: 90000000\r\n\r\n" + part
        )
        # Nothing more comes: the answer cannot wait for the rest.
        answer = b""
        while b"}" not in answer and (more := connection.recv(65536)):
            answer += more
    assert b"This is a 360 video." in answer


def test_a_large_photo_within_the_limit_is_spooled_and_not_held(server) -> None:
    before = stored(server)
    server.upload(b"warm up")
    memory = psutil.Process(server.process.pid).memory_info().rss
    answer, largest = send(server, 95_000_000, chunked=False)
    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert largest - memory < 50_000_000
    assert stored(server) == before


def test_a_phone_that_hangs_up_half_way_leaves_nothing(server) -> None:
    before = stored(server)
    send(server, 20_000_000, chunked=False, stop_after=5_000_000)
    until(lambda: stored(server) == before, lambda: stored(server))


@pytest.mark.slow
def test_too_many_uploads_are_asked_to_wait(start_server) -> None:
    # Per hour, because a minute might end between two uploads.
    server = start_server(uploads_per_address="3 per hour")
    answers = [server.upload(jpeg()) for _ in range(4)]
    assert [answer.status for answer in answers] == [201, 201, 201, 429]
    assert answers[-1].json["error"] == "too_many_requests"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 3601, "whole seconds, rounded up"
    assert server.get("/api/photos").status == 200


@pytest.mark.slow
def test_forwarded_headers_do_not_make_another_client(start_server) -> None:
    server = start_server(uploads_per_address="1 per hour")
    assert server.upload(jpeg()).status == 201
    body = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\nx\r\n--x--\r\n'
    answer = server.request(
        "POST",
        "/api/photos",
        body,
        {"Content-Type": "multipart/form-data; boundary=x", "X-Forwarded-For": "10.1.2.3", "Forwarded": "for=10.1.2.3"},
    )
    assert answer.status == 429


@pytest.mark.slow
@pytest.mark.parametrize(
    ("claim", "answer"),
    [
        ("1000000000000000", 413),
        ("9" * 18, 413),
        # Below the limit of one upload, but more than the quota has left.
        ("60000000", 507),
    ],
)
def test_what_is_only_promised_costs_nobody_a_photo(start_server, photo_bytes: bytes, claim: str, answer: int):
    server = start_server()
    (server.data.root / "settings.toml").write_text("")
    token = server.upload(photo_bytes).json["token"]
    with Library(server.data) as library:
        library.jobs.finish(library.jobs.lease("worker"))
    server.stop()
    (server.data.root / "settings.toml").write_text("[retention]\nquota_gb = 0.05\n")
    server = start_server(server.data)
    with socket.create_connection((server.host, server.port), timeout=LONGEST) as connection:
        connection.sendall(
            b"POST /api/photos HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            b"Content-Length: " + claim.encode() + b"\r\n\r\n"
        )
        assert connection.recv(4096).split(b" ")[1] == str(answer).encode()
    assert server.get(f"/api/photos/{token}").json["state"] == "ready"


@pytest.mark.slow
def test_an_upload_that_breaks_off_costs_nobody_a_photo(start_server, photo_bytes: bytes) -> None:
    server = start_server()
    token = server.upload(photo_bytes).json["token"]
    with Library(server.data) as library:
        library.jobs.finish(library.jobs.lease("worker"))
        used = library.used_bytes()
    server.stop()
    (server.data.root / "settings.toml").write_text(f"[retention]\nquota_gb = {(used + 1_000_000) / 1e9}\n")
    server = start_server(server.data)
    with socket.create_connection((server.host, server.port), timeout=LONGEST) as connection:
        connection.sendall(
            b"POST /api/photos HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            b"Content-Length: 1000001\r\n\r\n--x\r\n"
        )
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(4096).split(b" ")[1].startswith(b"4")
    assert server.get(f"/api/photos/{token}").json["state"] == "ready"
