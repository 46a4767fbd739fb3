"""The operator's ZIP through a real server: whole whatever happens to the photos meanwhile, and resumable."""

from __future__ import annotations

import http.client
import io
import os
import zipfile

import pytest

from kiosk.library.library import Library

PATH = "/operator/photos.zip"
PADDING = 3_000_000
"""Bytes behind each picture, so that an archive is much more than what sockets hold back."""


@pytest.fixture
def kiosk(start_server, photo_bytes: bytes):
    """(server, its library, tokens of six ready photos, oldest first)."""
    server = start_server(uploads_per_address="1000 per second")
    library = Library(server.data)
    tokens = []
    for _ in range(6):
        tokens.append(server.upload(photo_bytes).json["token"])
        files = library.files(tokens[-1])
        for path in (files.dream, files.upscaled):
            path.write_bytes(photo_bytes + os.urandom(PADDING))
        library.jobs.finish(library.jobs.lease("worker"))
    return server, library, tokens


def begin(server) -> tuple[http.client.HTTPResponse, bytes]:
    """A download of which only the first bytes were read."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    connection.request("GET", PATH)
    response = connection.getresponse()
    return response, response.read(1000)


def whole(archive: bytes, photos: int) -> list[str]:
    opened = zipfile.ZipFile(io.BytesIO(archive))
    assert opened.testzip() is None
    names = opened.namelist()
    assert len(names) == 3 * photos
    for stem in {name.rsplit("_", 1)[0] for name in names}:
        assert {f"{stem}_{part}.jpg" for part in ("original", "dream", "upscaled")} <= set(names)
    return names


def test_a_photo_that_goes_during_the_download_is_in_it_whole(kiosk) -> None:
    server, library, tokens = kiosk
    response, head = begin(server)
    for token in tokens[:3]:
        library.remove(token)
    archive = head + response.read()
    assert len(archive) == int(response.headers["Content-Length"])
    whole(archive, 6)
    # Nothing of the deleted photos is left once the download is over.
    assert not any(server.data.spool.iterdir())
    whole(server.get(PATH).body, 3)


def test_a_photo_whose_files_are_half_gone_is_not_in_it_at_all(kiosk) -> None:
    server, library, tokens = kiosk
    library.files(tokens[2]).upscaled.unlink()
    whole(server.get(PATH).body, 5)


def test_a_download_that_broke_off_is_resumed_where_nothing_changed(kiosk) -> None:
    server, library, tokens = kiosk
    first = server.get(PATH)
    etag, length = first.headers["ETag"], len(first.body)
    for start in (0, 1000, length // 2, length - 1):
        rest = server.get(PATH, {"Range": f"bytes={start}-", "If-Range": etag})
        assert rest.status == (206 if start else 200)
        assert rest.body == first.body[start:]
        if start:
            assert rest.headers["Content-Range"] == f"bytes {start}-{length - 1}/{length}"
    assert server.get(PATH, {"Range": f"bytes={length}-", "If-Range": etag}).status == 416
    library.remove(tokens[0])
    again = server.get(PATH, {"Range": "bytes=1000-", "If-Range": etag})
    assert again.status == 200
    whole(again.body, 5)


def test_a_download_that_is_given_up_leaves_nothing(kiosk) -> None:
    server, _, _ = kiosk
    response, _ = begin(server)
    assert any(server.data.spool.iterdir())
    response.close()
    # The next answer comes from a server that has noticed.
    for _ in range(200):
        if not any(server.data.spool.iterdir()):
            break
        server.get("/api/kiosk")
    assert not any(server.data.spool.iterdir())
