"""Wiping an event: afterwards no byte of the data folder or the runtime folder tells of its photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.errors import BadInput
from kiosk.library import schema
from kiosk.library.library import Library, hash_key
from kiosk.people import events, keys, operators, wiping
from kiosk.storage import DataFolder

KEY = "owner-key-of-a-guest-at-the-gala"


def every_byte(data: DataFolder) -> Iterator[tuple[Path, bytes]]:
    for folder in (data.root, data.runtime):
        for path in folder.rglob("*"):
            # Names count too.
            yield path, str(path).encode() + (path.read_bytes() if path.is_file() else b"")


def found(data: DataFolder, marks: dict[str, bytes]) -> set[str]:
    return {name for name, mark in marks.items() if any(mark in held for _, held in every_byte(data))}


def dreamed(library: Library, photo, part: bytes) -> None:
    """Make the photo ready as a worker does, with pictures that hold `part`, a preview and what a lease leaves."""
    files = library.files(photo.token)
    files.previews.mkdir(parents=True)
    files.preview(0).write_bytes(b"preview " + part)
    job = library.jobs.lease("a worker")
    (files.under(job.fence).work / "checkpoint").write_bytes(b"checkpoint " + part)
    for path in (files.dream, files.upscaled, files.thumb):
        path.write_bytes(b"picture " + part)
    library.jobs.finish(job)


def test_a_wiped_event_leaves_nothing(data, library, bring, photo_bytes) -> None:
    library.sign = operators.sign_in(library)
    outside = bring(owner_key="another-key-that-is-not-of-it")
    gala = events.begin(library, "Gala")
    photos = [bring(ready=False, owner_key=KEY) for _ in range(3)]
    for photo in photos[:2]:
        dreamed(library, photo, b"watermark-0815")
    words = keys.make_code(library, KEY)
    assert keys.open_code(library, words) == KEY
    library.delete(photos[1].token, KEY)
    library.jobs.lease("a worker that is at work")
    original = library.files(photos[0].token).original.read_bytes()
    (data.spool / f"{photos[2].token}.rest").mkdir()
    (data.photos / f".{photos[1].token}.gone").mkdir()
    (data.root / "library.damaged-20260101-000000.sqlite").write_bytes(photos[0].token.encode())
    with library.reading() as connection:
        sealed = connection.execute("SELECT sealed FROM codes").fetchone()[0]
    marks = {
        **{f"token {number}": photo.token.encode() for number, photo in enumerate(photos)},
        "owner key's hash": hash_key(KEY),
        "sealed owner key": sealed,
        "watermark": b"watermark-0815",
        "pixels": original[len(original) // 2 :][:64],
    }
    assert found(data, marks) == set(marks)
    # The other photo has the same pixels, and stays.
    del marks["pixels"]

    events.close(library)
    with pytest.raises(BadInput) as missing:
        wiping.wipe(library, events.find(library, gala.id))
    assert missing.value.code == "not_exported"
    assert found(data, marks) == set(marks)
    assert wiping.wipe(library, events.find(library, gala.id), anyway=True) == 3

    assert found(data, marks) == set()
    assert Path(f"{data.database}-wal").stat().st_size < 3 * 4096
    assert library.photo(outside.token).state == "ready"
    assert library.files(outside.token).original.is_file()
    assert operators.is_signed_in(library, library.sign)
    assert events.state(events.find(library, gala.id)) == "wiped"
    with pytest.raises(BadInput) as again:
        wiping.wipe(library, events.find(library, gala.id), anyway=True)
    assert again.value.code == "event_wiped"


def test_an_open_event_is_not_wiped(library, bring) -> None:
    events.begin(library, "Gala")
    photo = bring()
    with pytest.raises(BadInput) as refused:
        wiping.wipe(library, events.find(library), anyway=True)
    assert (refused.value.code, refused.value.status) == ("event_open", 409)
    assert library.photo(photo.token).state == "ready"


def test_what_free_pages_of_the_database_held_is_gone(data, library, bring) -> None:
    """Rows deleted before the wipe, by whatever means, leave nothing either."""
    gala = events.begin(library, "Gala")
    for _ in range(4):
        bring(ready=False)
    with library.reading() as connection:
        tokens = [row[0].encode() for row in connection.execute("SELECT token FROM photos ORDER BY id")]
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with library.writing() as connection:
        connection.execute("DELETE FROM photos WHERE id < 4")
    for token in tokens[:3]:
        library.files(token.decode()).remove()
    assert found(data, {"first": tokens[0]}) == {"first"}, "a page or the log still holds it"
    events.close(library)
    wiping.wipe(library, events.find(library, gala.id), anyway=True)
    assert found(data, {str(n): token for n, token in enumerate(tokens)}) == set()
    schema.prepare(data.database)
