"""Rebuild a damaged or missing database from the photos' folders, which hold almost everything about the photos.

A damaged file is set aside. Finished dreams reappear under the same links; unfinished photos are dreamed again. What
only the database knew is lost: the owner keys (so only the operator can delete these photos), whether others may see a
photo (rescued photos are not listed), the chosen style of photos that were not ready, tombstones, measured times.
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image as Pictures
from PIL import UnidentifiedImageError

from kiosk.errors import Unavailable
from kiosk.library import schema
from kiosk.library.files import TOKEN, PhotoFiles
from kiosk.library.library import Library, hash_key
from kiosk.library.records import Image, ImageKind
from kiosk.library.upkeep import lifetime
from kiosk.pictures.gpano import GPano, read_gpano
from kiosk.pictures.layouts import TOP_BOTTOM
from kiosk.settings import Retention
from kiosk.storage import DataFolder, sync_folder

MOST_OF_LIFETIME = 0.9
"""The most of its lifetime that a rescued photo's age may use up."""
_STYLE = re.compile(rb'DreamKiosk:Style="([a-z0-9_-]{1,40})"')


@dataclass(frozen=True)
class Rescued:
    """kept: where the damaged database is now, None if there was none; photos: how many were found; ready: how many of
    them are finished dreams."""

    kept: Path | None
    photos: int
    ready: int


def rescue(data: DataFolder, retention: Retention | None = None) -> Rescued | None:
    """Rebuild the database if it is damaged or missing; return None if it is intact.

    Call it at startup, while nobody else has the library open, and before the sweep, which removes folders without
    rows. It may be interrupted and called again. Raises Unavailable if the database cannot be opened for a reason
    other than damage.
    """
    data.prepare()
    kept = None
    try:
        schema.prepare(data.database)
    except Unavailable as error:
        if error.code != "database_damaged":
            raise
        kept = _put_aside(data)
    with Library(data, retention) as library:
        if kept is None and not _is_new(library):
            return None
        found = sorted(_found(library), key=lambda one: one.created)
        if not found and kept is None:
            return None
        with library.writing() as connection:
            for one in found:
                one.insert(connection, library)
    return Rescued(kept, len(found), sum(one.ready for one in found))


def _put_aside(data: DataFolder) -> Path:
    stem = f"{data.database.stem}.damaged-{time.strftime('%Y%m%d-%H%M%S')}"
    kept = data.database.with_name(f"{stem}{data.database.suffix}")
    # The write-ahead log first: if it stayed behind, it would be applied to the new database.
    for suffix in ("-wal", "-shm", ""):
        part = Path(f"{data.database}{suffix}")
        if part.exists():
            part.rename(f"{kept}{suffix}")
    sync_folder(data.root)
    return kept


def _is_new(library: Library) -> bool:
    """Whether this database has never held a photo."""
    with library.reading() as connection:
        return connection.execute("SELECT 1 FROM sqlite_sequence WHERE name = 'photos'").fetchone() is None


@dataclass(frozen=True)
class _Found:
    """A photo reconstructed from its folder. Sizes in pixels; `created` in seconds since 1970."""

    files: PhotoFiles
    width: int
    height: int
    gpano: GPano | None
    style: str | None
    created: float
    ready: bool
    images: tuple[Image, ...]

    def insert(self, connection: sqlite3.Connection, library: Library) -> None:
        hours = library.retention.hours
        said = self.gpano is not None and self.gpano.stereo_mode == TOP_BOTTOM
        # If the file does not say so, square levels show that the worker detected it.
        found = any(image.kind == "level" and image.width == image.height for image in self.images)
        stereo = TOP_BOTTOM if said or found else None
        now, lifetime_seconds = library.clock(), hours * 3600 if hours else None
        lived = lifetime.lived(connection, library.clocks)
        left = None
        if lifetime_seconds is not None:
            # The file's age comes from the wall clock; a wrong clock must not use up the whole lifetime.
            left = lifetime_seconds - min(max(0.0, now - self.created), MOST_OF_LIFETIME * lifetime_seconds)
        schema.insert_photo(
            connection,
            {
                "token": self.files.token,
                "owner_hash": hash_key(secrets.token_urlsafe(24)),
                "state": "ready" if self.ready else "received",
                "style": self.style,
                "source": "rescued",
                "width": self.width,
                "height": self.height,
                "gpano": json.dumps(asdict(self.gpano)) if self.gpano else None,
                "bytes": self.files.size(),
                "created": self.created,
                "expires": None if left is None else now + left,
                "changed": now,
                "stereo": stereo,
                "born": lived,
                "lives": None if left is None else lived + left,
            },
            self.images,
            job_state="finished" if self.ready else "waiting",
            progress=float(self.ready),
        )


def _found(library: Library) -> Iterator[_Found]:
    for folder in library.data.photos.iterdir():
        if TOKEN.fullmatch(folder.name) and (one := _look_into(library.files(folder.name))):
            yield one


def _look_into(files: PhotoFiles) -> _Found | None:
    """Examine a photo's folder; None if it has no readable original."""
    original = _picture(files.original, "original", files)
    if original is None:
        return None
    dream, upscaled = _picture(files.dream, "dream", files), _picture(files.upscaled, "upscaled", files)
    levels = tuple(_levels(files))
    # The work folder is removed only after everything else is written.
    ready = bool(dream and upscaled and levels) and not files.work.exists()
    sphere, flat = _picture(files.sphere, "sphere", files), _picture(files.flat, "flat", files)
    thumb = _picture(files.thumb, "thumb", files)
    made = (sphere, thumb, dream, upscaled, flat, *levels) if ready else (sphere, thumb)
    return _Found(
        files,
        original.width,
        original.height,
        read_gpano(files.original),
        _style(files.upscaled) if ready else None,
        files.original.stat().st_mtime,
        ready,
        tuple(image for image in (original, *made) if image),
    )


def _picture(path: Path, kind: ImageKind, files: PhotoFiles) -> Image | None:
    size = _size(path)
    return Image(kind, path.relative_to(files.folder).as_posix(), *size) if size else None


def _levels(files: PhotoFiles) -> Iterator[Image]:
    if not files.levels.is_dir():
        return
    for path in sorted(files.levels.iterdir()):
        if path.is_file():
            if image := _picture(path, "level", files):
                yield image
        elif path.name.isdigit() and (first := _size(path / "0_0.jpg")):
            width = int(path.name)
            tile = width // sum(1 for _ in path.glob("*_0.jpg"))
            yield Image(
                "level",
                f"levels/{width}/{{col}}_{{row}}.jpg",
                width,
                width // 2,
                tile,
                (first[0] - tile) // 2,
            )


def _size(path: Path) -> tuple[int, int] | None:
    try:
        with Pictures.open(path, formats=("JPEG", "WEBP")) as picture:
            return picture.size
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError):
        return None


def _style(path: Path) -> str | None:
    with path.open("rb") as file:
        said = _STYLE.search(file.read(8192))
    return said[1].decode() if said else None
