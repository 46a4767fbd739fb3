"""A power cut during intake: a photo is there completely or not at all."""

from __future__ import annotations

import io
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from kiosk.library.library import Library
from kiosk.library.upkeep.sweep import sweep
from kiosk.settings import Retention
from kiosk.storage import DataFolder
from tests.waiting import LONGEST, until

TAKE_IN = """
import sys
from pathlib import Path
from kiosk.library.intake import accept
from kiosk.library.library import Library
from kiosk.settings import Retention
from kiosk.storage import DataFolder

library = Library(DataFolder(Path(sys.argv[1])), Retention())
print("ready", flush=True)
while True:
    print(accept(library, Path(sys.argv[2])).token, flush=True)
"""


@pytest.mark.slow
def test_a_cut_at_any_moment_leaves_whole_photos_and_no_debris(data: DataFolder, tmp_path: Path) -> None:
    source = tmp_path / "photo.jpg"
    picture = io.BytesIO()
    Image.effect_noise((1024, 512), 60).convert("RGB").save(picture, "JPEG")
    source.write_bytes(picture.getvalue())
    chance = random.Random(4)
    announced: set[str] = set()
    for attempt in itertools.count():
        process = subprocess.Popen(
            [sys.executable, "-c", TAKE_IN, str(data.root), str(source)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        # Increasing delays, so that some photos are taken in even on a slow machine.
        time.sleep(chance.uniform(0.02, 0.8 * (1 + attempt // 8)))
        os.killpg(process.pid, signal.SIGKILL)
        announced |= set(process.stdout.read().split())
        process.wait(LONGEST)
        process.stdout.close()
        library = Library(data, Retention())
        assert sweep(library).lost == ()
        assert not any(data.spool.iterdir())
        with library.reading() as connection:
            tokens = {row[0] for row in connection.execute("SELECT token FROM photos")}
            jobs = connection.execute("SELECT count(*) FROM jobs").fetchone()[0]
        assert announced <= tokens, "what was said to be there is there"
        assert jobs == len(tokens)
        assert {path.name for path in data.photos.iterdir()} == tokens
        for token in tokens:
            with Image.open(library.files(token).original) as stored:
                stored.load()
            assert {path.name for path in library.files(token).folder.iterdir()} == {"original.jpg", "thumb.webp"}
        library.close()
        if attempt >= 11 and announced:
            break
        assert attempt < 60, "nothing was ever taken in"


@pytest.mark.slow
def test_a_server_killed_during_an_upload_starts_clean(start_server, photo_bytes: bytes) -> None:
    import socket

    server = start_server()
    kept = server.upload(photo_bytes).json["token"]
    with socket.create_connection((server.host, server.port), timeout=LONGEST) as connection:
        connection.sendall(
            b"POST /api/photos HTTP/1.1\r\nHost: kiosk\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            b"Content-Length: 90000000\r\n\r\n"
            b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
            + b"\xff\xd8\xff\xe0"
            + b"x" * 3_000_000
        )
        until(lambda: any(server.data.spool.iterdir()))
        server.process.kill()
        server.process.wait(LONGEST)
    assert any(server.data.spool.iterdir())
    again = start_server(server.data)
    assert not any(server.data.spool.iterdir())
    assert again.get(f"/api/photos/{kept}").json["state"] == "received"
    assert again.get(f"/photos/{kept}/original.jpg").status == 200


@pytest.mark.slow
def test_a_kill_during_a_delete_leaves_no_half_photo(data: DataFolder) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (64, 32)).save(picture, "JPEG")
    library = Library(data, Retention())
    from kiosk.library.intake import accept

    photo = accept(library, picture.getvalue())
    # As after a power cut between the transaction and the removal, and after one during the removal.
    with library.writing() as connection:
        connection.execute("UPDATE photos SET state = 'deleted'")
    (data.photos / f".{'A' * 22}.gone").mkdir()
    sweep(library)
    assert not any(data.photos.iterdir())
    assert library.photo(photo.token).state == "deleted"
