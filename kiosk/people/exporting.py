"""Exporting an event: all its ready photos with their originals, as a folder or a ZIP, with a page that lists them.

The page, index.html, opens from a USB stick without a kiosk. A folder that is not finished says so: UNFINISHED.txt is
in it from the first file to the last, and exporting to it again goes on where it stopped. A ZIP appears whole or not at
all.
"""

from __future__ import annotations

import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from kiosk.errors import BadInput, Unavailable
from kiosk.library.files import PhotoFiles
from kiosk.library.library import Library
from kiosk.people import events
from kiosk.people.events import Event
from kiosk.storage import atomic_file, check_target, free_bytes, write_atomic

UNFINISHED = "UNFINISHED.txt"
INDEX = "index.html"
_GENERATOR = '<meta name="generator" content="Dream Kiosk, event {}">'
_SAME_SECONDS = 2.0
"""How exactly FAT, the file system of most USB sticks, keeps the time of a file."""
_LABELS = {
    "original.jpg": "photo",
    "dream.jpg": "dream",
    "upscaled.jpg": "dream, enlarged",
    "flat.jpg": "dream, as the photo was framed",
}
"""File -> how the page calls it."""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{generator}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<style>
body {{ margin: 1rem; background: #0e0c16; color: #f1eefc; font: 1rem/1.5 system-ui, sans-serif }}
ol {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 18rem), 1fr)); gap: 1rem; padding: 0;
list-style: none }}
img {{ display: block; width: 100%; aspect-ratio: 2; object-fit: cover; border-radius: .5rem; background: #1d1930 }}
a {{ color: #c9b8ff }}
p {{ margin: .25rem 0 }}
</style>
</head>
<body>
<h1>{name}</h1>
<p>{count}</p>
<ol>
{photos}
</ol>
</body>
</html>
"""


@dataclass(frozen=True)
class Exported:
    """One photo's files: `stem` of their names in the export, their paths, and what the page says of it. created:
    seconds since 1970."""

    number: int
    token: str
    created: float
    stem: str
    paths: tuple[Path, ...]
    shown: bool

    def name(self, path: Path) -> str:
        return f"{self.stem}_{path.name}"


def stem(created: float, number: int) -> str:
    """How the names of a photo's files begin: local date and time, and its number."""
    return f"{time.strftime('%Y-%m-%d_%H%M%S', time.localtime(created))}_{number}"


def pictures(files: PhotoFiles) -> list[Path]:
    """The files of a ready photo that are taken away: original, dream, enlarged dream, and the flat one
    if it has one."""
    return [files.original, files.dream, files.upscaled, *filter(Path.is_file, [files.flat])]


def ready_photos(library: Library, event: Event) -> list[Exported]:
    """The ready photos of `event`, oldest first, without those in the bin."""
    found = library.select("photos.state = 'ready' AND event = ? AND binned IS NULL ORDER BY photos.id", (event.id,))
    return [
        Exported(
            photo.id,
            photo.token,
            photo.created,
            stem(photo.created, photo.id),
            tuple(path for path in pictures(library.files(photo.token)) if path.is_file()),
            photo.shown,
        )
        for photo in (one.photo for one in found)
    ]


def page(event: Event, photos: Sequence[Exported]) -> str:
    """The page that lists the pictures, as a file beside them."""
    return _PAGE.format(
        generator=_GENERATOR.format(event.id),
        name=escape(event.name),
        count=f"{len(photos)} photo{'' if len(photos) == 1 else 's'}",
        photos="\n".join(map(_item, photos)),
    )


def _item(photo: Exported) -> str:
    names = {path.name: photo.name(path) for path in photo.paths}
    links = " · ".join(f'<a href="{names[name]}">{_LABELS[name]}</a>' for name in names)
    picture = names.get("dream.jpg") or names.get("original.jpg", "")
    taken = time.strftime("%Y-%m-%d %H:%M", time.localtime(photo.created))
    private = "" if photo.shown else "<p>Its guest did not agree to show it to others.</p>"
    image = f'<a href="{picture}"><img src="{picture}" alt="Dream {photo.number}" loading="lazy"></a>'
    return f"<li>{image}<p>{photo.number}, {taken}: {links}</p>{private}</li>"


def export(library: Library, event: Event, target: Path, on_done: Callable[[float], None] | None = None) -> int:
    """Export `event` to `target`, a folder (made if it is missing) or a file that ends in .zip; returns how many
    photos.

    on_done: called after each photo with the fraction that is done, 0..1. Raises BadInput if the folder holds anything
    else, or if there is nothing to export; Unavailable if there is no room, or a file cannot be written.
    """
    began = library.clock()
    if event.wiped is not None:
        raise BadInput(f"The event {event.name} was wiped.", "event_wiped", 409)
    photos = ready_photos(library, event)
    if not photos:
        raise BadInput(f"The event {event.name} has no ready photo.", "nothing_to_export", 409)
    if target.suffix.lower() == ".zip":
        check_target(target)
        _check_room(target.parent, [path for photo in photos for path in photo.paths])
        _to_zip(event, photos, target, on_done or (lambda fraction: None))
    else:
        _to_folder(event, photos, target, on_done or (lambda fraction: None))
    events.note_export(library, event.id, began)
    return len(photos)


def _to_zip(event: Event, photos: Sequence[Exported], target: Path, on_done: Callable[[float], None]) -> None:
    with (
        atomic_file(target) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, strict_timestamps=False) as archive,
    ):
        for done, photo in enumerate(photos, 1):
            for path in _there(photo):
                archive.write(path, photo.name(path))
            on_done(done / len(photos))
        archive.writestr(INDEX, page(event, photos))


def _to_folder(event: Event, photos: Sequence[Exported], folder: Path, on_done: Callable[[float], None]) -> None:
    _check_folder(event, folder)
    missing = [path for photo in photos for path in photo.paths if not _is_same(path, folder / photo.name(path))]
    _check_room(folder, missing)
    mark = f"This export is not finished. Export {event.name} to this folder again: it goes on where it stopped.\n"
    write_atomic(folder / UNFINISHED, f"{_GENERATOR.format(event.id)}\n{mark}")
    for done, photo in enumerate(photos, 1):
        for path in _there(photo):
            copy = folder / photo.name(path)
            if not _is_same(path, copy):
                with path.open("rb") as source, atomic_file(copy) as file:
                    shutil.copyfileobj(source, file, 1 << 20)
                shutil.copystat(path, copy)
        on_done(done / len(photos))
    write_atomic(folder / INDEX, page(event, photos))
    (folder / UNFINISHED).unlink()


def _there(photo: Exported) -> Iterator[Path]:
    """The photo's files that were not deleted meanwhile."""
    yield from (path for path in photo.paths if path.is_file())


def _check_folder(event: Event, folder: Path) -> None:
    """Make the folder if it is missing. Raises BadInput if it holds anything but an export of `event`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        inside = sorted(path.name for path in folder.iterdir())
        known = [(folder / name).read_text(encoding="utf-8")[:500] for name in (INDEX, UNFINISHED) if name in inside]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{folder}: cannot be used as a folder for the export: {error}", "bad_folder") from error
    if inside and not any(_GENERATOR.format(event.id) in text for text in known):
        raise BadInput(f"{folder} holds something else; name an empty folder", "not_empty")


def _check_room(folder: Path, paths: Sequence[Path]) -> None:
    needed = sum(path.stat().st_size for path in paths if path.is_file())
    if needed > (free := free_bytes(folder)):
        raise Unavailable(
            f"{folder} has {free / 1e9:.1f} GB free, and the export needs {needed / 1e9:.1f} GB", "no_room", 507
        )


def _is_same(path: Path, copy: Path) -> bool:
    try:
        one, other = path.stat(), copy.stat()
    except OSError:
        return False
    return one.st_size == other.st_size and abs(one.st_mtime - other.st_mtime) <= _SAME_SECONDS
